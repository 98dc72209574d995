/**
 * SQL of a template. Values reach it only as query parameters (`@date`); the only thing written into its text is an
 * identifier: `{source_table}` where the parameter's type is table or identifier, or `{dataset}`, validated and quoted.
 */
import type { ParameterType, Template } from './template.ts';
import { BUILT_IN_VARIABLES, UnknownVariable, type Variables, variablesIn } from './variables.ts';

/** Keys of a step's `with` that hold SQL; `sql_file` names a file of it. */
export const SQL_KEYS: ReadonlySet<string> = new Set(['sql', 'filter', 'predicate', 'sum']);

const PART = /^[A-Za-z_][A-Za-z0-9_]{0,1023}$/;
const PROJECT_PART = /^[a-z][a-z0-9-]{3,62}[a-z0-9]$/;

/** Backticked `project.dataset.table`, `dataset.table` or `table`; undefined when it is no such name. */
export function quotedTable(name: string): string | undefined {
  const parts = name.split('.');
  const project = parts.length === 3 ? parts.shift() : undefined;
  if (parts.length > 2 || parts.length === 0 || !parts.every((part) => PART.test(part))) return undefined;
  if (project !== undefined && !PROJECT_PART.test(project) && !PART.test(project)) return undefined;
  return `\`${[...(project === undefined ? [] : [project]), ...parts].join('.')}\``;
}

/** Names of `@parameters`, outside comments, strings and quoted names. */
export function parametersIn(sql: string): string[] {
  const bare = sql.replace(
    /--[^\n]*|#[^\n]*|\/\*[\s\S]*?\*\/|'''[\s\S]*?'''|"""[\s\S]*?"""|'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|`[^`]*`/g,
    ' ',
  );
  return [...new Set([...bare.matchAll(/(?<!@)@([A-Za-z_][A-Za-z0-9_]*)/g)].map((match) => match[1] ?? ''))];
}

export function identifierVariables(template: Pick<Template, 'parameters'>): ReadonlySet<string> {
  const names = template.parameters.filter((p) => p.type === 'table' || p.type === 'identifier').map((p) => p.name);
  return new Set(['dataset', ...names]);
}

/** Writes identifiers into the text. Throws on a variable that is no identifier: it belongs behind an @. */
export function resolveSql(sql: string, variables: Variables, identifiers: ReadonlySet<string>): string {
  return sql.replace(/`?\{([a-z_][a-z0-9_]*)\}(\.[A-Za-z_][A-Za-z0-9_]*)?`?/g, (_, name: string, rest: string | undefined) => {
    const value = variables[name];
    if (!identifiers.has(name) || typeof value !== 'string') throw new UnknownVariable(name);
    const quoted = quotedTable(value + (rest ?? ''));
    if (quoted === undefined) throw new RangeError(`{${name}} is not a table name: ${JSON.stringify(value)}`);
    return quoted;
  });
}

const SQL_TYPES: Readonly<Record<ParameterType, string>> = {
  date: 'DATE',
  month: 'STRING',
  string: 'STRING',
  integer: 'INT64',
  number: 'NUMERIC',
  boolean: 'BOOL',
  table: 'STRING',
  identifier: 'STRING',
};
const BUILT_IN_DATES: ReadonlySet<string> = new Set(['date', 'today', 'yesterday']);

/** The GoogleSQL type under which a variable reaches SQL; undefined for a name that nobody declared. */
export function sqlTypeOf(template: Pick<Template, 'parameters'>, name: string): string | undefined {
  const declared = template.parameters.find((p) => p.name === name);
  if (declared) return SQL_TYPES[declared.type];
  if (BUILT_IN_DATES.has(name)) return 'DATE';
  return (BUILT_IN_VARIABLES as readonly string[]).includes(name) ? 'STRING' : undefined;
}

/** Variables that stand in SQL text but may not. */
export const wrongVariablesInSql = (sql: string, identifiers: ReadonlySet<string>): string[] =>
  variablesIn(sql).filter((name) => !identifiers.has(name));
