import { journalList, Refusal } from '@convergence/contracts';
import type { SqlParameter } from '@convergence/ports';
import { count, text, textOrNull, time } from '../tables/cells.ts';
import type { Tenants } from '../tenants.ts';
import { operationRoute } from './operation-route.ts';

const SECRET = new Set(['sealed', 'api_key_hash']);

/** The audit trail is the journal itself, newest first, without what is sealed or hashed. */
export const journalListRoute = ({ warehouse, config }: Pick<Tenants, 'warehouse' | 'config'>) =>
  operationRoute(journalList, async ({ query, signal }) => {
    const limit = query.limit ?? 50;
    // The slice's own bookkeeping lies in the same table.
    const conditions = ["NOT STARTS_WITH(type, 'slice.')"];
    const parameters: Record<string, SqlParameter> = {};
    const narrow = (name: string, type: string, value: string | number | undefined, condition: string): void => {
      if (value === undefined) return;
      conditions.push(condition);
      parameters[name] = { type, value };
    };
    narrow('subject', 'STRING', query.tenant_id, 'subject = @subject');
    narrow('type', 'STRING', query.type, 'type = @type');
    narrow('since', 'TIMESTAMP', query.from, '`at` >= @since');
    narrow('until', 'TIMESTAMP', query.to, '`at` <= @until');
    narrow('before', 'INT64', sequenceOf(query.cursor), 'sequence < @before');
    const { rows } = await warehouse.run({
      sql: `SELECT sequence, \`at\`, subject, type, actor, data, trace_id FROM tenant_journal
WHERE ${conditions.join(' AND ')} ORDER BY sequence DESC LIMIT ${limit + 1}`,
      parameters,
      defaultDataset: config.dataset,
      location: config.location,
      signal,
    });
    const items = rows.slice(0, limit).map((row) => ({
      sequence: count(row, 'sequence'),
      at: time(row, 'at'),
      subject: text(row, 'subject'),
      type: text(row, 'type'),
      actor: row.actor == null ? null : parsed(row.actor),
      data: parsed(row.data),
      trace_id: textOrNull(row, 'trace_id'),
    }));
    return { body: { items, next_cursor: rows.length > limit ? String(items.at(-1)?.sequence) : null } };
  });

function sequenceOf(cursor: string | undefined): number | undefined {
  if (cursor === undefined) return undefined;
  if (!/^\d{1,15}$/.test(cursor)) throw new Refusal('request.invalid', 'The cursor is not one of ours.');
  return Number(cursor);
}

const parsed = (value: unknown): Record<string, unknown> => {
  const json = typeof value === 'string' ? value : JSON.stringify(value);
  const read: unknown = JSON.parse(json, (name, inner) => (SECRET.has(name) ? undefined : inner));
  return typeof read === 'object' && read !== null ? (read as Record<string, unknown>) : { value: read };
};
