/** Branded ids: a TenantId is a string that passed its rule once, so nothing downstream asks again. */
declare const brand: unique symbol;
export type Brand<T, B extends string> = T & { readonly [brand]: B };

export type TenantId = Brand<string, 'TenantId'>;
export type RunId = Brand<string, 'RunId'>;
export type PipelineId = Brand<string, 'PipelineId'>;
export type ConfigId = Brand<string, 'ConfigId'>;
export type ApiKeyId = Brand<string, 'ApiKeyId'>;

/** What a client may call its tenant. */
export const TENANT_ID_PATTERN = '^[a-z][a-z0-9_]{2,49}$';
/** What may stand as an identifier in SQL that we build: datasets, tables, columns. */
export const IDENTIFIER_PATTERN = '^[a-z][a-z0-9_]{1,126}$';
export const UUID_PATTERN = '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$';

const tenantRule = new RegExp(TENANT_ID_PATTERN);
const uuidRule = new RegExp(UUID_PATTERN);

export const isTenantId = (text: string): text is TenantId => tenantRule.test(text);
export const isRunId = (text: string): text is RunId => uuidRule.test(text);

/** For values that come from our own tables and events; throws on what no rule of ours could have let in. */
export function tenantId(text: string): TenantId {
  if (!isTenantId(text)) throw new TypeError(`not a tenant id: ${JSON.stringify(text)}`);
  return text;
}
export function runId(text: string): RunId {
  if (!isRunId(text)) throw new TypeError(`not a run id: ${JSON.stringify(text)}`);
  return text;
}

export interface TemplateRef {
  readonly provider: string;
  readonly domain: string;
  readonly template: string;
}
export const pipelineId = (tenant: TenantId, ref: TemplateRef): PipelineId =>
  `${tenant}-${ref.provider}-${ref.domain}-${ref.template}`.toLowerCase() as PipelineId;
