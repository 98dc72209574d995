import { Ajv, type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';
import type { Static, TSchema } from 'typebox';

/** One validator for everything that crosses a process: all errors at once, nothing coerced, nothing removed. */
const ajv = withFormats(new Ajv({ allErrors: true, strict: false, useDefaults: true, verbose: true }));

export interface FieldError {
  /** JSON pointer of the offending value, `/tenant_id`. */
  readonly path: string;
  readonly message: string;
}

/** For what is only looked at: fills nothing in. */
const looking = withFormats(new Ajv({ allErrors: true, strict: false, verbose: true }));

/**
 * Days and moments are those that JavaScript and BigQuery know too: no year 0, no leap second. One that a column can not hold would stop
 * the statement that writes it along with everybody else's rows.
 */
function withFormats(to: Ajv): Ajv {
  addFormats.default(to);
  for (const name of ['date', 'date-time'] as const) {
    const { validate } = addFormats.default.get(name) as { validate: (text: string) => boolean };
    to.addFormat(name, (text: string) => validate(text) && !text.startsWith('0000') && !Number.isNaN(Date.parse(text)));
  }
  return to;
}

const compiled = new WeakMap<TSchema, ValidateFunction>();
const compiledToLook = new WeakMap<TSchema, ValidateFunction>();

function validatorOf(schema: TSchema, by: Ajv, known: WeakMap<TSchema, ValidateFunction>): ValidateFunction {
  const validate = known.get(schema) ?? by.compile(schema);
  known.set(schema, validate);
  return validate;
}

/** Compiles once per schema object. Defaults of the schema are filled in, in place. */
export function check<S extends TSchema>(schema: S, value: unknown): { ok: true; value: Static<S> } | { ok: false; errors: FieldError[] } {
  const validate = validatorOf(schema, ajv, compiled);
  return validate(value) ? { ok: true, value: value as Static<S> } : { ok: false, errors: errorsOf(validate) };
}

/** What of the value does not fit; the value stays as it is. */
export function misfits(schema: TSchema, value: unknown): FieldError[] {
  const validate = validatorOf(schema, looking, compiledToLook);
  return validate(value) ? [] : errorsOf(validate);
}

/** Enough to mend a request by; a body of nothing but mistakes would be answered with many times its own size. */
const MOST_ERRORS = 100;

function errorsOf(validate: ValidateFunction): FieldError[] {
  return (validate.errors ?? []).slice(0, MOST_ERRORS).map((e) => {
    if (e.keyword === 'additionalProperties')
      return { path: `${e.instancePath}/${e.params.additionalProperty}`, message: 'is not a known field' };
    if (e.keyword === 'required') return { path: `${e.instancePath}/${e.params.missingProperty}`, message: 'is required' };
    if (e.keyword === 'enum') return { path: e.instancePath || '/', message: `must be one of ${e.params.allowedValues.join(', ')}` };
    // A pattern says nothing to people: its schema may bring the sentence.
    const hint = e.keyword === 'pattern' ? (e.parentSchema as { 'x-hint'?: string } | undefined)?.['x-hint'] : undefined;
    return { path: e.instancePath || '/', message: hint ?? e.message ?? e.keyword };
  });
}
