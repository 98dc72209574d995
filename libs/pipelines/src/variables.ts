/**
 * Variables: `{name}` in a template's texts.
 *
 * 1. An unknown name is an error, never left as text. 2. A text that is nothing but one variable takes its value as it is;
 * inside a longer text it is written out. 3. Values never get into SQL this way: see sql-text.ts.
 */
export type VariableValue = string | number | boolean | null;
export type Variables = Readonly<Record<string, VariableValue>>;

/** Known in every template, whatever it declares. */
export const BUILT_IN_VARIABLES = [
  'tenant_id',
  'provider',
  'domain',
  'template_name',
  'pipeline_id',
  'date',
  'today',
  'yesterday',
  'month',
  'run_id',
  'trigger_by',
  'environment',
  'dataset',
] as const;

const PLACEHOLDER = /\{([a-z_][a-z0-9_]*(?:\.[a-z_][a-z0-9_]*)*)\}/g;
const ONLY_PLACEHOLDER = /^\{([a-z_][a-z0-9_]*(?:\.[a-z_][a-z0-9_]*)*)\}$/;

export class UnknownVariable extends Error {
  override readonly name = 'UnknownVariable';
  readonly variable: string;
  constructor(variable: string) {
    super(`unknown variable {${variable}}`);
    this.variable = variable;
  }
}

export const variablesIn = (text: string): string[] => [...text.matchAll(PLACEHOLDER)].map((match) => match[1] ?? '');

export function resolveText(text: string, variables: Variables): VariableValue {
  const only = ONLY_PLACEHOLDER.exec(text)?.[1];
  if (only !== undefined) return variableValue(only, variables);
  return text.replace(PLACEHOLDER, (_, name: string) => {
    const value = variableValue(name, variables);
    return value === null ? '' : String(value);
  });
}

/** A copy with every text resolved, however deep; the keys named in `except` stay as they are. */
export function resolveDeep(value: unknown, variables: Variables, except: (key: string) => boolean = () => false): unknown {
  if (typeof value === 'string') return resolveText(value, variables);
  if (Array.isArray(value)) return value.map((item) => resolveDeep(item, variables, except));
  if (value && typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, except(k) ? v : resolveDeep(v, variables, except)]));
  return value;
}

function variableValue(name: string, variables: Variables): VariableValue {
  if (!Object.hasOwn(variables, name)) throw new UnknownVariable(name);
  return variables[name] ?? null;
}
