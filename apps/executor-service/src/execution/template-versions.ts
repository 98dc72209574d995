/**
 * Versions of templates that runs were started with, so that a run goes on in the version it began with, whatever lies on the disk
 * of whoever goes on with it.
 *
 * 1. A version is kept before the first step of a run in it begins. 2. What comes back has the hash that was asked for, or does not come.
 */
import type { Template, TemplateSource } from '@convergence/pipelines';
import type { Clock, Warehouse } from '@convergence/ports';
import { pipelineTemplateVersions } from '@convergence/tables';

const REMEMBERED = 500;

export interface TemplateVersions {
  keep(template: Template): Promise<void>;
  get(hash: string): Promise<Template | undefined>;
}

export function templateVersions(
  warehouse: Warehouse,
  dataset: string,
  read: (source: TemplateSource) => Template | undefined,
  clock: Pick<Clock, 'now'>,
): TemplateVersions {
  const kept = new Map<string, { readonly template: Template; readonly written: Promise<void> }>();
  const remember = (template: Template, written: Promise<void>): void => {
    if (kept.size >= REMEMBERED) for (const oldest of kept.keys()) if (kept.delete(oldest)) break;
    kept.set(template.hash, { template, written });
  };
  return {
    keep(template) {
      const known = kept.get(template.hash);
      if (known) return known.written;
      const written = warehouse.append(dataset, pipelineTemplateVersions.name, [rowOf(template, clock.now())]);
      remember(template, written);
      written.catch(() => kept.get(template.hash)?.written === written && kept.delete(template.hash));
      return written;
    },
    async get(hash) {
      const known = kept.get(hash);
      if (known) return known.template;
      const { rows } = await warehouse.run({
        sql: `SELECT provider, domain, template, tenant_id, file, source, TO_JSON_STRING(sql_files) AS sql_files
FROM \`${pipelineTemplateVersions.name}\` WHERE template_hash = @hash LIMIT 1`,
        parameters: { hash: { type: 'STRING', value: hash } },
        defaultDataset: dataset,
      });
      const [row] = rows;
      const template = row && read(sourceOf(row));
      if (template?.hash !== hash) return undefined;
      remember(template, Promise.resolve());
      return template;
    },
  };
}

const rowOf = (template: Template, now: number) => ({
  template_hash: template.hash,
  template_version: template.version,
  provider: template.ref.provider,
  domain: template.ref.domain,
  template: template.name,
  tenant_id: template.tenantId ?? null,
  file: template.file,
  source: template.source,
  sql_files: JSON.stringify(template.sqlFiles),
  kept_at: new Date(now).toISOString(),
});

const sourceOf = (row: Readonly<Record<string, unknown>>): TemplateSource => ({
  file: String(row.file),
  text: String(row.source),
  provider: String(row.provider),
  domain: String(row.domain),
  name: String(row.template),
  tenantId: typeof row.tenant_id === 'string' ? row.tenant_id : undefined,
  sqlFiles: JSON.parse(String(row.sql_files)) as Record<string, string>,
});
