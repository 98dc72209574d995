/**
 * What a retry need not do again: the steps that the run before completed.
 *
 * 1. A step that is switched off now counts as done. 2. One that the template describes otherwise than for the run before is done again:
 * whoever mends a template and retries wants what was mended. 3. With a step everything after it.
 */
import type { StepSpec, Template } from '@convergence/pipelines';
import { takenOver } from '@convergence/runs';

/** `before`: the template of the run before; undefined where nobody knows it any more, and it counts as the same. */
export function keptSteps(
  template: Template,
  before: Template | undefined,
  completed: Iterable<string>,
  off: Iterable<string>,
  from: string,
): ReadonlySet<string> {
  const was = new Map(before?.steps.map((step) => [step.id, meaningOf(before, step)]));
  const changed = (id: string): boolean => {
    const step = template.steps.find((one) => one.id === id);
    return before !== undefined && step !== undefined && was.get(id) !== meaningOf(template, step);
  };
  return takenOver(template.steps, new Set([...[...completed].filter((id) => !changed(id)), ...off]), from);
}

/** What it does, not when, how often or for how long. */
const meaningOf = (template: Template, { type, with: config }: StepSpec): string =>
  JSON.stringify([type, config, typeof config.sql_file === 'string' ? template.sqlFiles[config.sql_file] : null]);
