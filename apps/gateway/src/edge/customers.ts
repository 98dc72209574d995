/**
 * `/customers/...`: every `/tenants/...` operation under its other name, derived from it so that the two can not differ.
 * It takes `customer_id` where the operation says `tenant_id`, and its answers carry both.
 */
import type { Operation } from '@convergence/contracts';
import type { TSchema } from 'typebox';

const PREFIX = '/api/v1/tenants';

/** The operation as customers call it; undefined for what is not about tenants. */
export function customersAlias(operation: Operation): Operation | undefined {
  if (!operation.path.startsWith(PREFIX)) return undefined;
  return {
    ...operation,
    id: `customers.${operation.id}`,
    path: operation.path.replace(PREFIX, '/api/v1/customers').replace('{tenant_id}', '{customer_id}'),
    summary: `${operation.summary} (alias)`,
    ...(operation.params && { params: renamed(operation.params) }),
    ...(operation.query && { query: renamed(operation.query) }),
    ...(operation.body && { body: renamed(operation.body) }),
    response: withCustomerId(operation.response),
  };
}

interface ObjectSchema {
  readonly properties?: Readonly<Record<string, TSchema>>;
  readonly required?: readonly string[];
}

function renamed(schema: TSchema): TSchema {
  const { properties, required } = schema as ObjectSchema;
  if (!properties?.tenant_id) return schema;
  const { tenant_id, ...rest } = properties;
  return {
    ...schema,
    properties: { customer_id: tenant_id, ...rest },
    ...(required && { required: required.map((name) => (name === 'tenant_id' ? 'customer_id' : name)) }),
  } as TSchema;
}

/** Every object that has a tenant_id, however deep, declared with its customer_id. */
function withCustomerId<T>(schema: T): T {
  if (Array.isArray(schema)) return schema.map(withCustomerId) as T;
  if (typeof schema !== 'object' || schema === null) return schema;
  const copy = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, withCustomerId(value)])) as T & ObjectSchema;
  const tenant = copy.properties?.tenant_id;
  if (!tenant) return copy;
  return {
    ...copy,
    properties: { ...copy.properties, customer_id: tenant },
    ...(copy.required?.includes('tenant_id') && { required: [...new Set([...copy.required, 'customer_id'])] }),
  };
}

/** What came as `customer_id`, as the operation's owner knows it. */
export function asTenantId(given: unknown): unknown {
  if (typeof given !== 'object' || given === null || Array.isArray(given) || !('customer_id' in given)) return given;
  const { customer_id, ...rest } = given;
  return { tenant_id: customer_id, ...rest };
}

/** The owner's answer with `customer_id` beside every `tenant_id`. */
export function withBothIds(answer: unknown): unknown {
  if (Array.isArray(answer)) return answer.map(withBothIds);
  if (typeof answer !== 'object' || answer === null) return answer;
  const copy: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(answer)) {
    copy[key] = withBothIds(value);
    if (key === 'tenant_id') copy.customer_id = value;
  }
  return copy;
}
