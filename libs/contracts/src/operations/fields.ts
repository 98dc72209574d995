import Type, { type TSchema } from 'typebox';
import { TENANT_ID_PATTERN, UUID_PATTERN } from '../ids.ts';

/** Fields that many operations share, so that they mean and look the same everywhere. */
export const TenantIdField = Type.String({
  pattern: TENANT_ID_PATTERN,
  description: 'The tenant: lower case, 3 to 50 characters.',
  examples: ['acme_corp'],
  'x-hint': 'must be 3 to 50 lower-case letters, digits and underscores, beginning with a letter; upper case is not allowed',
});
export const RunIdField = Type.String({ pattern: UUID_PATTERN, description: 'The run: a UUID, also called pipeline_logging_id.' });
/** RFC 3339, UTC. */
export const TimeField = Type.String({ format: 'date-time' });
export const DateField = Type.String({ format: 'date' });
export const nullable = <S extends TSchema>(schema: S) => Type.Union([schema, Type.Null()]);

/** Names a template by path parts; case does not matter. */
export const TemplatePart = Type.String({ pattern: '^[A-Za-z][A-Za-z0-9_-]{0,63}$' });

/** Who or what asked for a run, in the caller's own words. */
export const TriggerBy = Type.String({ minLength: 1, maxLength: 128 });

/** `?limit&cursor` of every list. */
export const pageQuery = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, default: 50 })),
  cursor: Type.Optional(Type.String({ minLength: 1, maxLength: 1000, description: 'next_cursor of the page before.' })),
};
/** What every list answers. */
export const page = <S extends TSchema>(item: S) => Type.Object({ items: Type.Array(item), next_cursor: nullable(Type.String()) });
