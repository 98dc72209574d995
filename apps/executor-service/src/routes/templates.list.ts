import { Refusal, type TemplateSummary, templatesGet, templatesList } from '@convergence/contracts';
import { declaredParameters, type Template } from '@convergence/pipelines';
import { pageOf, route } from '@convergence/service';
import type { Executor } from '../executor.ts';

export const templatesListRoute = ({ templates }: Pick<Executor, 'templates'>) =>
  route(templatesList, ({ query, principal }) => {
    const { tenant_id, provider, domain } = query;
    const tenantId = principal.kind === 'tenant' ? principal.tenantId : tenant_id;
    const wanted = templates
      .list(tenantId)
      .filter(
        (t) =>
          (provider === undefined || t.ref.provider === provider.toLowerCase()) &&
          (domain === undefined || t.ref.domain === domain.toLowerCase()),
      );
    const { items, next_cursor } = pageOf(wanted, nameOf, query);
    return { body: { items: items.map(summary), next_cursor } };
  });

export const templatesGetRoute = ({ templates }: Pick<Executor, 'templates'>) =>
  route(templatesGet, ({ params, query, principal }) => {
    const tenantId = principal.kind === 'tenant' ? principal.tenantId : query.tenant_id;
    const ref = { provider: params.provider.toLowerCase(), domain: params.domain.toLowerCase(), template: params.name.toLowerCase() };
    const template = templates.find(ref, tenantId);
    if (!template)
      throw new Refusal('template.not_found', `Template not found: configs/${ref.provider}/${ref.domain}/${ref.template}.yml`, {
        fields: { nearest: templates.nearest(ref, tenantId), problems: templates.problemsOf(ref, tenantId) },
      });
    return {
      body: {
        ...summary(template),
        timeout_minutes: template.timeoutMinutes,
        steps: template.steps.map((step) => ({
          id: step.id,
          type: step.type,
          description: step.description ?? null,
          depends_on: [...step.dependsOn],
          when: step.when,
          on_failure: step.onFailure,
          enabled: step.enabled,
          timeout_minutes: step.timeoutMinutes ?? null,
          max_attempts: step.retry.maxAttempts,
        })),
      },
    };
  });

const nameOf = (t: Template): string => `${t.ref.provider}/${t.ref.domain}/${t.name}`;

function summary(template: Template): TemplateSummary {
  return {
    provider: template.ref.provider,
    domain: template.ref.domain,
    name: template.name,
    aliases: [...template.aliases],
    description: template.description,
    version: template.version,
    hash: template.hash,
    own: template.tenantId !== undefined,
    parameters: declaredParameters(template).map((p) => ({
      name: p.name,
      type: p.type,
      required: p.required,
      default: p.default ?? null,
      description: p.description ?? null,
      from: p.from ?? null,
      enum: p.enum ? [...p.enum] : null,
    })),
    credentials: { ...template.credentials },
  };
}
