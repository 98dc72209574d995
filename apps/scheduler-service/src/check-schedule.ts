/** What a person wants scheduled, before it becomes a command: told everything that is wrong with it at once. */
import { Refusal, type TenantId } from '@convergence/contracts';
import { resolveParameters, type Template, type TemplateCatalogue } from '@convergence/pipelines';
import {
  type FieldProblem,
  invalidSchedule,
  isZone,
  problemsOf,
  resolveFireVariables,
  type Schedule,
  type ScheduleSettings,
  wallTime,
} from '@convergence/schedules';
import { fileOf, type Named, refOf, words } from './run-spec.ts';

const inBody = (path: string, message: string): FieldProblem => ({ in: 'body', path, message });

/** One that is wrong by itself is refused for that, with what its template says in the same list. */
export function checkSchedule(templates: TemplateCatalogue, tenantId: TenantId, wanted: Named & ScheduleSettings, now: number): void {
  const problems = problemsOf(wanted, now);
  try {
    checkTemplate(templates, tenantId, wanted, now);
  } catch (error) {
    if (problems.length === 0 || !(error instanceof Refusal)) throw error;
    throw invalidSchedule([...problems, ...((error.fields?.errors ?? []) as readonly FieldProblem[])]);
  }
  if (problems.length > 0) throw invalidSchedule(problems);
}

/** Refuses a schedule whose runs could not start: with what is wrong with the template's file, with the nearest names, or with every error of its parameters. */
export function checkTemplate(
  templates: TemplateCatalogue,
  tenantId: TenantId,
  wanted: Named & Pick<Schedule, 'parameters' | 'timezone'>,
  now: number,
): Template {
  const template = templates.find(refOf(wanted), tenantId);
  if (!template) {
    const faults = templates.problemsOf(refOf(wanted), tenantId);
    if (faults.length > 0) {
      const message = `The template ${fileOf(wanted)} can not run: line ${faults[0]!.line}, ${faults[0]!.message}.`;
      throw new Refusal('template.invalid', message, { fields: { problems: faults, errors: [inBody('/pipeline_template', message)] } });
    }
    const near = templates.nearest(refOf(wanted), tenantId);
    const hint = near.length > 0 ? ` Nearest: ${near.join(', ')}.` : '';
    const message = `Template not found: ${fileOf(wanted)}.${hint}`;
    throw new Refusal('template.not_found', message, { fields: { nearest: near, errors: [inBody('/pipeline_template', message)] } });
  }
  // No time zone, no dates to check: the schedule is refused for its zone.
  if (!isZone(wanted.timezone)) return template;
  const parameters = resolveFireVariables(wanted.parameters, now, wanted.timezone);
  const resolved = resolveParameters(template, parameters, { tenantId, now: wallTime(wanted.timezone, now) });
  if (resolved.ok) return template;
  const errors = resolved.errors.map(({ path, message }) => inBody(`/parameters${path}`, message));
  throw new Refusal('template.parameters_invalid', `The parameters do not fit the template: ${words(errors)}.`, { fields: { errors } });
}
