import { pipelineId, Refusal, type RunSpec, type TenantId } from '@convergence/contracts';
import { parametersHash, resolveParameters, type TemplateCatalogue } from '@convergence/pipelines';

export interface RunRequest {
  readonly tenantId: TenantId;
  readonly provider: string;
  readonly domain: string;
  readonly template: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly now: number;
}
/** The part of a run's specification that its template decides. */
export type ResolvedRun = Pick<RunSpec, 'pipeline_id' | 'provider' | 'domain' | 'template' | 'parameters' | 'parameters_hash' | 'run_date'>;

/** What can be run. Refuses an unknown template with the nearest names, and parameters that do not fit with every error. */
export interface Templates {
  resolve(request: RunRequest): ResolvedRun;
}

/** The pipeline's id keeps the name that was asked for, an alias too; the run says which template it stands for. */
export function templatesOf(catalogue: Pick<TemplateCatalogue, 'find' | 'nearest' | 'problemsOf'>): Templates {
  return {
    resolve({ tenantId, parameters: given, now, ...asked }) {
      const ref = { provider: asked.provider.toLowerCase(), domain: asked.domain.toLowerCase(), template: asked.template.toLowerCase() };
      const template = catalogue.find(ref, tenantId);
      const file = `configs/${ref.provider}/${ref.domain}/${ref.template}.yml`;
      if (!template) {
        const problems = catalogue.problemsOf(ref, tenantId);
        if (problems.length > 0) {
          throw new Refusal(
            'template.invalid',
            `The template ${file} has ${problems.length} ${problems.length === 1 ? 'problem' : 'problems'} and can not run.`,
            {
              fields: { problems: problems.map(({ line, message, suggestion }) => ({ line, message, suggestion })) },
            },
          );
        }
        const near = catalogue.nearest(ref, tenantId);
        const meant = near.length > 0 ? ` Did you mean ${near.join(' or ')}?` : '';
        throw new Refusal('template.not_found', `Template not found: ${file}.${meant}`, { fields: { nearest: near } });
      }
      const resolved = resolveParameters(template, given, { tenantId, now });
      if (!resolved.ok) {
        const errors = resolved.errors.map((error) => ({ in: 'body', ...error }));
        const text = errors.map(({ path, message }) => `${path.slice(1)} ${message}`).join('; ');
        throw new Refusal('template.parameters_invalid', `The parameters do not fit ${file}: ${text}.`, { fields: { errors } });
      }
      return {
        pipeline_id: pipelineId(tenantId, ref),
        ...template.ref,
        parameters: { ...resolved.parameters },
        parameters_hash: parametersHash(resolved.parameters),
        run_date: resolved.run_date,
      };
    },
  };
}
