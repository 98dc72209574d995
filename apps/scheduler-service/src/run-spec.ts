import type { RunSpec } from '@convergence/contracts';
import { parametersHash, resolveParameters, type TemplateCatalogue } from '@convergence/pipelines';
import { attemptOf, type QueueItem, type Schedule, wallTime } from '@convergence/schedules';

export type Named = Pick<Schedule, 'provider' | 'domain' | 'pipeline_template'>;

export const refOf = ({ provider, domain, pipeline_template }: Named) => ({
  provider: provider.toLowerCase(),
  domain: domain.toLowerCase(),
  template: pipeline_template.toLowerCase(),
});
export const fileOf = (named: Named): string => {
  const { provider, domain, template } = refOf(named);
  return `configs/${provider}/${domain}/${template}.yml`;
};

/** What admission and an executor need of a claimed item; or why it can never run. */
export function runSpecOf(item: QueueItem, zone: string, templates: TemplateCatalogue): RunSpec | { readonly refused: string } {
  const template = templates.find(refOf(item), item.tenant_id);
  if (!template) return { refused: `Template not found: ${fileOf(item)}` };
  // The template's own {yesterday} means the day before the fire where the schedule lives.
  const fired = wallTime(zone, item.scheduled_time);
  const context = { tenantId: item.tenant_id, now: fired };
  const resolved = resolveParameters(template, item.parameters, context);
  if (!resolved.ok) return { refused: `The parameters no longer fit the template: ${words(resolved.errors)}` };
  const { parameters, run_date } = resolved;
  // The scheduled time of a backfill is the day that it fills in, not the one on which it was asked for.
  const as_of = new Date(item.lane === 'backfill' ? item.added_at : fired).toISOString();
  return attemptOf(item, { ...template.ref, parameters, parameters_hash: parametersHash(parameters), run_date, as_of });
}

export const words = (errors: readonly { readonly path: string; readonly message: string }[]): string =>
  errors.map(({ path, message }) => `${path} ${message}`).join('; ');
