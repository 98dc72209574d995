import type { TableSpec } from '@convergence/ports';

export const sliceOwners: TableSpec = {
  name: 'slice_owners',
  description: 'Which process may write which tables, and from where a successor goes on. Shared by all owners; one row a slice.',
  columns: [
    { name: 'slice', type: 'STRING', required: true, description: 'tenants or schedules.' },
    { name: 'owner', type: 'STRING', description: 'The process that took over last.' },
    { name: 'epoch', type: 'INT64', required: true, description: 'Grows by one with every take-over; the newest counts.' },
    { name: 'stream', type: 'STRING', description: 'The last write stream of the journal that anybody may have appended to.' },
    { name: 'stream_start', type: 'INT64', description: "Sequence before the stream's first row." },
    { name: 'checkpoint_sequence', type: 'INT64', description: 'State at this sequence = the tables, overlaid by the redo rows.' },
    { name: 'checkpoint_at', type: 'TIMESTAMP', description: 'No journal row after the checkpoint is older.' },
    { name: 'redo_first', type: 'INT64', description: 'First redo row of the checkpoint in the journal.' },
    { name: 'redo_last', type: 'INT64', description: 'Last redo row; before redo_first when there are none.' },
    { name: 'published_sequence', type: 'INT64', description: 'Every message of every event up to here was published.' },
    { name: 'published_at', type: 'TIMESTAMP', description: 'Time of that event.' },
    { name: 'released', type: 'BOOL', description: 'The owner left in peace: nothing of it is still under way.' },
    { name: 'taken_over_at', type: 'TIMESTAMP', description: 'When the epoch began.' },
    { name: 'updated_at', type: 'TIMESTAMP', description: 'When this row changed last.' },
  ],
};
