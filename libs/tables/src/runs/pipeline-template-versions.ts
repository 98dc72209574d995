import type { TableSpec } from '@convergence/ports';

/** Appended to before a version is run for the first time by an executor: several rows of one hash say the same. */
export const pipelineTemplateVersions: TableSpec = {
  name: 'pipeline_template_versions',
  description: 'Every version of a template that a run was started with, whole. Owned by executor-service.',
  clusterBy: ['template_hash'],
  columns: [
    { name: 'template_hash', type: 'STRING', required: true, description: 'SHA-256 over the template and its SQL, as runs record it.' },
    { name: 'template_version', type: 'INT64', description: 'The version that it says it is.' },
    { name: 'provider', type: 'STRING', required: true, description: 'First part of its place.' },
    { name: 'domain', type: 'STRING', required: true, description: 'Second part of its place.' },
    { name: 'template', type: 'STRING', required: true, description: 'Third part of its place.' },
    { name: 'tenant_id', type: 'STRING', description: 'Whose own version it is; NULL for what ships.' },
    { name: 'file', type: 'STRING', required: true, description: 'Where it lay.' },
    { name: 'source', type: 'STRING', required: true, description: 'The text of the template.' },
    { name: 'sql_files', type: 'JSON', required: true, description: 'Name and text of each SQL file that it uses.' },
    { name: 'kept_at', type: 'TIMESTAMP', required: true, description: 'When this row was written.' },
  ],
};
