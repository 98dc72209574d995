import { Ajv, type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';
import type { Static, TSchema } from 'typebox';

/** One validator for everything that crosses a process: all errors at once, nothing coerced, nothing removed. */
const ajv = new Ajv({ allErrors: true, strict: false, useDefaults: true, verbose: true });
addFormats.default(ajv);

export interface FieldError {
  /** JSON pointer of the offending value, `/tenant_id`. */
  readonly path: string;
  readonly message: string;
}

const compiled = new WeakMap<TSchema, ValidateFunction>();

/** Compiles once per schema object. Defaults of the schema are filled in, in place. */
export function check<S extends TSchema>(schema: S, value: unknown): { ok: true; value: Static<S> } | { ok: false; errors: FieldError[] } {
  let validate = compiled.get(schema);
  if (!validate) {
    validate = ajv.compile(schema);
    compiled.set(schema, validate);
  }
  if (validate(value)) return { ok: true, value: value as Static<S> };
  const errors = (validate.errors ?? []).map((e) => {
    if (e.keyword === 'additionalProperties')
      return { path: `${e.instancePath}/${e.params.additionalProperty}`, message: 'is not a known field' };
    if (e.keyword === 'required') return { path: `${e.instancePath}/${e.params.missingProperty}`, message: 'is required' };
    if (e.keyword === 'enum') return { path: e.instancePath || '/', message: `must be one of ${e.params.allowedValues.join(', ')}` };
    // A pattern says nothing to people: its schema may bring the sentence.
    const hint = e.keyword === 'pattern' ? (e.parentSchema as { 'x-hint'?: string } | undefined)?.['x-hint'] : undefined;
    return { path: e.instancePath || '/', message: hint ?? e.message ?? e.keyword };
  });
  return { ok: false, errors };
}
