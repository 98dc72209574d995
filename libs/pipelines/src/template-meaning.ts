/** What a schema can not say of a template: references between its parts, variables, the names in its SQL. */
import { nearest } from './nearest.ts';
import { fitted } from './parameters.ts';
import type { RawTemplate, Say } from './raw-template.ts';
import { identifierVariables, parametersIn, SQL_KEYS, sqlTypeOf, wrongVariablesInSql } from './sql-text.ts';
import { ancestors, findCycle } from './step-graph.ts';
import type { Template } from './template.ts';
import { BUILT_IN_VARIABLES, variablesIn } from './variables.ts';

export function meaningProblems(
  raw: RawTemplate,
  template: Template,
  outputs: Readonly<Record<string, readonly string[]>>,
  say: Say,
): void {
  const ids = raw.steps.map((step) => step.id);
  const before = template.steps.map((step) => step.id);
  let sound = true;
  for (const [i, step] of raw.steps.entries()) {
    if (ids.indexOf(step.id) !== i) {
      say(['steps', i, 'id'], `two steps are called "${step.id}"`);
      sound = false;
    }
    for (const [j, dependency] of (step.depends_on ?? []).entries()) {
      if (ids.includes(dependency)) continue;
      say(
        ['steps', i, 'depends_on', j],
        `step "${step.id}" depends on "${dependency}", which does not exist`,
        nearest(dependency, before)[0],
      );
      sound = false;
    }
  }
  const cycle = sound ? findCycle(template.steps) : undefined;
  if (cycle) {
    say(['steps', ids.indexOf(cycle[0] ?? ''), 'depends_on'], `steps wait for each other: ${cycle.join(' -> ')}`);
    sound = false;
  }
  const known = new Set<string>([...BUILT_IN_VARIABLES, ...template.parameters.map((p) => p.name)]);
  parameterProblems(raw, template, say);
  for (const [i, step] of template.steps.entries()) {
    const earlier = sound ? [...ancestors(template.steps, step.id)] : ids;
    const names = new Set(known);
    for (const id of earlier) {
      const type = template.steps.find((s) => s.id === id)?.type ?? '';
      for (const output of outputs[type] ?? []) names.add(`steps.${id}.${output}`);
    }
    if (typeof step.enabled === 'string') enabledProblems(step.enabled, ['steps', i, 'enabled'], template, say);
    walk(step.with, ['steps', i, 'with'], (text, path, key) => {
      if (SQL_KEYS.has(key)) sqlProblems(text, path, template, say);
      else unknownVariables(text, path, names, say);
    });
    const file = step.with.sql_file;
    if (typeof file === 'string') {
      const sql = template.sqlFiles[file];
      if (sql === undefined) say(['steps', i, 'with', 'sql_file'], `there is no ${file} beside the template`);
      else sqlProblems(sql, ['steps', i, 'with', 'sql_file'], template, say);
    }
    const of = step.type === 'dq.check' ? rulesOf(step.with) : [];
    for (const [r, rule] of of.entries())
      if (typeof rule.of === 'string' && !earlier.includes(rule.of))
        say(['steps', i, 'with', 'rules', r, 'of'], `"${rule.of}" is no step before "${step.id}"`, nearest(rule.of, earlier)[0]);
  }
}

const rulesOf = (config: Readonly<Record<string, unknown>>): { of?: unknown }[] => (Array.isArray(config.rules) ? config.rules : []);

function parameterProblems(raw: RawTemplate, template: Template, say: Say): void {
  for (const parameter of template.parameters) {
    const path = ['parameters', parameter.name];
    if (parameter.required && parameter.default !== undefined) say(path, `"${parameter.name}" is required, so its default is never used`);
    if (typeof parameter.default === 'string')
      unknownVariables(parameter.default, [...path, 'default'], new Set<string>([...BUILT_IN_VARIABLES]), say);
    if (parameter.default !== undefined && ![...variablesIn(String(parameter.default))].length) {
      const fit = fitted(parameter, parameter.default);
      if ('error' in fit) say([...path, 'default'], `the default of "${parameter.name}" ${fit.error}`);
    }
    if ((BUILT_IN_VARIABLES as readonly string[]).includes(parameter.name) && parameter.name !== 'date' && parameter.name !== 'month')
      say(path, `"${parameter.name}" is a variable of its own and can not be a parameter`);
  }
  if (raw.aliases?.includes(raw.name)) say(['aliases'], `"${raw.name}" is its name already`);
}

function sqlProblems(sql: string, path: readonly (string | number)[], template: Template, say: Say): void {
  const identifiers = identifierVariables(template);
  const known = [...BUILT_IN_VARIABLES, ...template.parameters.map((p) => p.name)];
  for (const name of new Set(wrongVariablesInSql(sql, identifiers))) {
    if (known.includes(name)) say(path, `{${name}} is a value, and values reach SQL as parameters only`, `@${name}`);
    else say(path, `unknown variable {${name}}`, nearest(name, [...identifiers])[0]);
  }
  for (const name of parametersIn(sql))
    if (sqlTypeOf(template, name) === undefined) say(path, `unknown SQL parameter @${name}`, nearest(name, known)[0]);
}

/** Anything but true would pass for false. */
function enabledProblems(text: string, path: readonly (string | number)[], template: Template, say: Say): void {
  const flags = template.parameters.filter((p) => p.type === 'boolean').map((p) => p.name);
  for (const name of variablesIn(text))
    if (!flags.includes(name)) say(path, `enabled takes a boolean parameter, and {${name}} is none`, nearest(name, flags)[0]);
}

function unknownVariables(text: string, path: readonly (string | number)[], names: ReadonlySet<string>, say: Say): void {
  for (const name of variablesIn(text)) if (!names.has(name)) say(path, `unknown variable {${name}}`, nearest(name, names)[0]);
}

function walk(
  value: unknown,
  path: readonly (string | number)[],
  see: (text: string, path: readonly (string | number)[], key: string) => void,
): void {
  const key = String(path[path.length - 1] ?? '');
  if (typeof value === 'string') see(value, path, key);
  else if (Array.isArray(value)) for (const [i, item] of value.entries()) walk(item, [...path, i], see);
  else if (value && typeof value === 'object') for (const [k, item] of Object.entries(value)) walk(item, [...path, k], see);
}
