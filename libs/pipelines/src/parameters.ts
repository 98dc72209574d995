/**
 * What a caller gave, as the parameters of a run: declared names only, each of its type, defaults filled in.
 *
 * 1. Every error at once. 2. The result is concrete: `{yesterday}` became a date when the run was asked for, not when it starts.
 * 3. Parameters that come `from` the tenant's provider configuration are filled in where that is known: at execution.
 */
import { createHash } from 'node:crypto';
import { nearest } from './nearest.ts';
import { quotedTable } from './sql-text.ts';
import type { ParameterSpec, Template } from './template.ts';
import { resolveText, UnknownVariable, type Variables } from './variables.ts';

export interface ProviderOptions {
  readonly provider: string;
  readonly domain: string;
  readonly source_project_id: string | null;
  readonly source_dataset: string | null;
  readonly options: Readonly<Record<string, unknown>>;
}
export interface ParameterContext {
  readonly tenantId: string;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Absent: not known here; parameters `from` it stay out. */
  readonly providerConfigs?: readonly ProviderOptions[];
}
export interface ParameterError {
  readonly path: string;
  readonly message: string;
}
export type ParameterValue = string | number | boolean;
export type ResolvedParameters =
  | { readonly ok: true; readonly parameters: Readonly<Record<string, ParameterValue>>; readonly run_date: string | null }
  | { readonly ok: false; readonly errors: readonly ParameterError[] };

const DAY = 86_400_000;
const isoDate = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

/** Every run is of a day, even where the template does not say so. */
const IMPLICIT_DATE: ParameterSpec = {
  name: 'date',
  type: 'date',
  description: 'day of the run, UTC',
  required: false,
  default: '{yesterday}',
  from: undefined,
  enum: undefined,
  pattern: undefined,
  minimum: undefined,
  maximum: undefined,
};
export const declaredParameters = (template: Template): readonly ParameterSpec[] =>
  template.parameters.some((p) => p.name === 'date') ? template.parameters : [IMPLICIT_DATE, ...template.parameters];

/** Names that a body carries beside parameters. */
const NOT_PARAMETERS: ReadonlySet<string> = new Set(['trigger_by']);

export function resolveParameters(
  template: Template,
  body: Readonly<Record<string, unknown>>,
  context: ParameterContext,
): ResolvedParameters {
  const declared = declaredParameters(template);
  const errors: ParameterError[] = [];
  const names = declared.map((p) => p.name);
  for (const key of Object.keys(body)) {
    if (NOT_PARAMETERS.has(key) || names.includes(key)) continue;
    const near = nearest(key, names)[0];
    errors.push({ path: `/${key}`, message: near ? `is not a parameter; did you mean "${near}"?` : 'is not a parameter' });
  }
  const parameters: Record<string, ParameterValue> = {};
  for (const spec of declared) {
    const given = body[spec.name] ?? undefined;
    if (given === undefined && spec.from !== undefined && context.providerConfigs === undefined) continue;
    const value = given ?? fromConfig(spec, template, context) ?? defaultOf(spec, template, context, parameters);
    if (value === undefined) {
      if (spec.required || spec.from !== undefined) errors.push({ path: `/${spec.name}`, message: missing(spec) });
      continue;
    }
    const fit = fitted(spec, value);
    if ('error' in fit) errors.push({ path: `/${spec.name}`, message: fit.error });
    else parameters[spec.name] = fit.value;
  }
  if (errors.length > 0) return { ok: false, errors };
  return { ok: true, parameters, run_date: typeof parameters.date === 'string' ? parameters.date : null };
}

const missing = (spec: ParameterSpec): string =>
  spec.from === undefined ? 'is required' : `is not set; give it, or set ${spec.from.split('.')[1]} in the provider configuration`;

function fromConfig(spec: ParameterSpec, template: Template, context: ParameterContext): unknown {
  if (spec.from === undefined || context.providerConfigs === undefined) return undefined;
  const option = spec.from.slice('provider_config.'.length);
  const same = (a: string, b: string) => a.toLowerCase() === b.toLowerCase();
  const config = context.providerConfigs.find((c) => same(c.provider, template.ref.provider) && same(c.domain, template.ref.domain));
  if (!config) return undefined;
  if (option === 'source_project_id' || option === 'source_dataset') return config[option] ?? undefined;
  const value = config.options[option];
  // A bare table name lies in the configured source.
  if (spec.type === 'table' && typeof value === 'string' && !value.includes('.') && config.source_dataset)
    return [config.source_project_id, config.source_dataset, value].filter(Boolean).join('.');
  return value ?? undefined;
}

function defaultOf(
  spec: ParameterSpec,
  template: Template,
  context: ParameterContext,
  soFar: Readonly<Record<string, ParameterValue>>,
): unknown {
  if (typeof spec.default !== 'string') return spec.default;
  const date = typeof soFar.date === 'string' ? soFar.date : isoDate(context.now - DAY);
  const variables: Variables = {
    tenant_id: context.tenantId,
    dataset: context.tenantId,
    provider: template.ref.provider,
    domain: template.ref.domain,
    template_name: template.ref.template,
    today: isoDate(context.now),
    yesterday: isoDate(context.now - DAY),
    date,
    month: date.slice(0, 7),
  };
  try {
    return resolveText(spec.default, variables);
  } catch (error) {
    // Only known when the run starts (run_id...): not a default for a parameter that says which run it is.
    if (error instanceof UnknownVariable) return undefined;
    throw error;
  }
}

type Fit = { readonly value: ParameterValue } | { readonly error: string };

export function fitted(spec: ParameterSpec, value: unknown): Fit {
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') return { error: `must be a ${spec.type}` };
  const fit = ofType(spec, value);
  if ('error' in fit) return fit;
  const allowed = spec.enum?.map((one) => ofType(spec, one)).some((one) => 'value' in one && one.value === fit.value);
  if (spec.enum && !allowed) return { error: `must be one of ${spec.enum.join(', ')}` };
  if (spec.pattern !== undefined && !new RegExp(spec.pattern, 'u').test(String(fit.value))) return { error: `must match ${spec.pattern}` };
  if (spec.minimum !== undefined && Number(fit.value) < spec.minimum) return { error: `must be at least ${spec.minimum}` };
  if (spec.maximum !== undefined && Number(fit.value) > spec.maximum) return { error: `must be at most ${spec.maximum}` };
  return fit;
}

function ofType(spec: ParameterSpec, value: ParameterValue): Fit {
  switch (spec.type) {
    case 'date':
      return typeof value === 'string' && isDate(value) ? { value } : { error: 'must be a date such as 2025-11-15' };
    case 'month':
      return typeof value === 'string' && /^\d{4}-\d{2}$/.test(value) && isDate(`${value}-01`)
        ? { value }
        : { error: 'must be a month such as 2025-11' };
    case 'integer': {
      const number = typeof value === 'string' && /^-?\d{1,15}$/.test(value) ? Number(value) : value;
      return typeof number === 'number' && Number.isSafeInteger(number) ? { value: number } : { error: 'must be a whole number' };
    }
    case 'number': {
      // Decimal text all the way to NUMERIC: a float would not keep the last digit.
      const text = typeof value === 'number' && Number.isFinite(value) ? String(value) : value;
      return typeof text === 'string' && /^-?\d{1,29}(\.\d{1,9})?$/.test(text)
        ? { value: normal(text) }
        : { error: 'must be a decimal number' };
    }
    case 'boolean':
      if (value === true || value === 'true') return { value: true };
      return value === false || value === 'false' ? { value: false } : { error: 'must be true or false' };
    case 'table':
      return typeof value === 'string' && quotedTable(value) !== undefined
        ? { value }
        : { error: 'must be a table such as my-project.billing.gcp_billing_export_v1' };
    case 'identifier':
      return typeof value === 'string' && /^[a-z][a-z0-9_]{1,126}$/.test(value)
        ? { value }
        : { error: 'must be a name such as usage_daily' };
    case 'string':
      return typeof value === 'string' && value.length <= 1000 ? { value } : { error: 'must be a text of at most 1000 characters' };
    default:
      return spec.type satisfies never;
  }
}

/** `1.5` for `01.50`: parameters say which run it is. */
function normal(decimal: string): string {
  const [, sign = '', whole = '', fraction = ''] = /^(-?)0*(\d+?)(?:\.(\d*?)0*)?$/.exec(decimal) ?? [];
  const amount = fraction === '' ? whole : `${whole}.${fraction}`;
  return amount === '0' ? amount : sign + amount;
}

/** BigQuery has no year 0. */
function isDate(text: string): boolean {
  return /^(?!0000)\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text)) && new Date(text).toISOString().startsWith(text);
}

/** With pipeline_id it says "the same run". Independent of the order in which parameters were given. */
export function parametersHash(parameters: Readonly<Record<string, unknown>>): string {
  return createHash('sha256').update(canonicalParameters(parameters)).digest('hex');
}
/** JSON with sorted keys. */
export const canonicalParameters = (parameters: Readonly<Record<string, unknown>>): string => canonical(parameters);

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value && typeof value === 'object') {
    const entries = Object.entries(value).filter(([, v]) => v !== undefined);
    return `{${entries
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([k, v]) => `${JSON.stringify(k)}:${canonical(v)}`)
      .join(',')}}`;
  }
  return JSON.stringify(value ?? null);
}
