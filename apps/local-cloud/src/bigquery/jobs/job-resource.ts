/** A job as the REST API shows it. Pure. */
import { etagOf } from '../catalog/catalog.ts';
import { schemaFromColumns } from '../catalog/table-schema.ts';
import type { DdlEffect, DmlCounts } from '../execute/outcome.ts';
import type { Json } from '../rest/http.ts';
import type { Job } from './jobs.ts';

export const jobReference = (job: Job) => ({ projectId: job.project, jobId: job.id, location: job.location });

export const dmlStats = (dml: DmlCounts) => ({
  insertedRowCount: String(dml.inserted),
  updatedRowCount: String(dml.updated),
  deletedRowCount: String(dml.deleted),
});
export const affected = (dml: DmlCounts) => String(dml.inserted + dml.updated + dml.deleted);
const tableReference = (path: { project: string; dataset: string; table: string }) => ({
  projectId: path.project,
  datasetId: path.dataset,
  tableId: path.table,
});

function ddlStatistics(ddl: DdlEffect): Json {
  return {
    ddlOperationPerformed: ddl.operation,
    ...(ddl.table ? { ddlTargetTable: tableReference(ddl.table) } : {}),
    ...(ddl.dataset ? { ddlTargetDataset: { projectId: ddl.dataset.project, datasetId: ddl.dataset.dataset } } : {}),
    ...(ddl.routine
      ? { ddlTargetRoutine: { projectId: ddl.routine.project, datasetId: ddl.routine.dataset, routineId: ddl.routine.routine } }
      : {}),
  };
}

function queryStatistics(job: Job): Json {
  const { outcome } = job;
  const statementType = job.statementType ?? outcome?.statementType;
  return {
    ...(statementType ? { statementType } : {}),
    ...(outcome
      ? {
          totalBytesProcessed: String(outcome.bytesProcessed),
          totalBytesBilled: String(outcome.bytesBilled),
          cacheHit: outcome.cacheHit,
          totalSlotMs: String((job.ended ?? Date.now()) - (job.started ?? job.created)),
          billingTier: 1,
          ...(outcome.referenced.length > 0 ? { referencedTables: outcome.referenced.map(tableReference) } : {}),
          ...(outcome.dml ? { numDmlAffectedRows: affected(outcome.dml), dmlStats: dmlStats(outcome.dml) } : {}),
          ...(outcome.ddl ? ddlStatistics(outcome.ddl) : {}),
          ...(outcome.result ? { schema: schemaFromColumns(outcome.result.columns) } : {}),
        }
      : {}),
  };
}

export function jobResource(job: Job, origin: string): Json {
  const { error, outcome } = job;
  const totalBytesProcessed = String(outcome?.bytesProcessed ?? 0);
  return {
    kind: 'bigquery#job',
    etag: etagOf({ id: job.id, state: job.state, ended: job.ended ?? 0 }),
    id: `${job.project}:${job.location}.${job.id}`,
    selfLink: `${origin}/bigquery/v2/projects/${job.project}/jobs/${job.id}?location=${job.location}`,
    user_email: job.caller.subject,
    configuration: configurationOf(job),
    jobReference: jobReference(job),
    statistics: {
      creationTime: String(job.created),
      ...(job.started === undefined ? {} : { startTime: String(job.started) }),
      ...(job.ended === undefined ? {} : { endTime: String(job.ended) }),
      ...(job.kind === 'QUERY' ? { totalBytesProcessed, totalSlotMs: '1', query: queryStatistics(job) } : {}),
      ...(job.children === undefined ? {} : { numChildJobs: String(job.children) }),
      ...(job.parent === undefined ? {} : { parentJobId: job.parent }),
      ...job.statistics,
    },
    status: { state: job.state, ...(error ? { errorResult: error.proto(), errors: [error.proto(), ...error.beside] } : {}) },
  };
}

/** A plain SELECT shows the anonymous table that its rows can be read from. */
function configurationOf(job: Job): Json {
  const { query } = job.configuration;
  if (job.kind !== 'QUERY' || !query || query.destinationTable || job.outcome?.statementType !== 'SELECT' || job.configuration.dryRun)
    return { jobType: job.kind, ...job.configuration };
  return {
    jobType: job.kind,
    ...job.configuration,
    query: {
      ...query,
      destinationTable: { projectId: job.project, datasetId: ANONYMOUS, tableId: `anon${job.id}` },
      writeDisposition: 'WRITE_TRUNCATE',
      createDisposition: 'CREATE_IF_NEEDED',
    },
  };
}
export const ANONYMOUS = '_anonymous';
