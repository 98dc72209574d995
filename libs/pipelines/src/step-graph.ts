/**
 * The graph of a template's steps. Knows nothing of what steps do.
 *
 * 1. A step starts when all that it depends on have ended. 2. A cycle has no order.
 */
export interface GraphStep {
  readonly id: string;
  readonly dependsOn: readonly string[];
}

/** The ids along one cycle, first repeated at the end; undefined when there is none. */
export function findCycle(steps: readonly GraphStep[]): readonly string[] | undefined {
  const dependencies = new Map(steps.map((step) => [step.id, step.dependsOn]));
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (id: string): readonly string[] | undefined => {
    if (done.has(id)) return undefined;
    const at = path.indexOf(id);
    if (at >= 0) return [...path.slice(at), id];
    path.push(id);
    for (const next of dependencies.get(id) ?? []) {
      const cycle = visit(next);
      if (cycle) return cycle;
    }
    path.pop();
    done.add(id);
    return undefined;
  };
  for (const { id } of steps) {
    const cycle = visit(id);
    if (cycle) return cycle;
  }
  return undefined;
}

/** Every step that must have ended before this one starts. Only for graphs without cycles. */
export function ancestors(steps: readonly GraphStep[], id: string): ReadonlySet<string> {
  const dependencies = new Map(steps.map((step) => [step.id, step.dependsOn]));
  const found = new Set<string>();
  const visit = (step: string) => {
    for (const parent of dependencies.get(step) ?? []) {
      if (found.has(parent)) continue;
      found.add(parent);
      visit(parent);
    }
  };
  visit(id);
  return found;
}

/** All steps that come after it, directly or not. */
export function descendants(steps: readonly GraphStep[], id: string): ReadonlySet<string> {
  return new Set(steps.filter((step) => ancestors(steps, step.id).has(id)).map((step) => step.id));
}
