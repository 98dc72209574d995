/**
 * Rules as SQL. Row rules become one predicate each (true for a good row) and are counted together in one statement; the others
 * are statements of their own.
 *
 * 1. Values are parameters, typed by the column they are compared with. 2. NULL passes every row rule but not_null and sql.
 */
import type { SqlParameter } from '@convergence/ports';
import { StepFailure } from '../failure.ts';
import { quoted, tableIn } from '../sql.ts';
import type { Rule } from './config.ts';

export interface Columns {
  readonly list: readonly { readonly name: string; readonly type: string }[];
  type(column: string): string;
}
export const columnsOf = (list: Columns['list']): Columns => ({
  list,
  type(column) {
    const found = list.find((c) => c.name.toLowerCase() === column.toLowerCase());
    if (!found)
      throw new StepFailure('schema', 'dq.column_missing', `The table has no column ${column}.`, {
        hint: `Its columns are ${list.map((c) => c.name).join(', ')}.`,
      });
    return found.type;
  },
});

export interface RowRule {
  readonly kind: 'row';
  readonly predicate: string;
  readonly parameters: Readonly<Record<string, SqlParameter>>;
  readonly expected: string;
}

/** The predicate of a row rule; undefined for rules that look at more than a row. `n` keeps parameter names apart. */
export function rowRule(rule: Rule, n: number, columns: Columns, dataset: string): RowRule | undefined {
  const made = (predicate: string, expected: string, parameters: Record<string, SqlParameter> = {}): RowRule => ({
    kind: 'row',
    predicate,
    parameters,
    expected,
  });
  switch (rule.rule) {
    case 'not_null':
      columns.type(rule.column);
      return made(`${quoted(rule.column)} IS NOT NULL`, 'no NULL');
    case 'between': {
      const type = columns.type(rule.column);
      const column = quoted(rule.column);
      const parameters: Record<string, SqlParameter> = {};
      const parts: string[] = [];
      for (const [side, operator] of [
        ['min', '>='],
        ['max', '<='],
      ] as const) {
        const bound = rule[side];
        if (bound === undefined) continue;
        parameters[`r${n}_${side}`] = typed(type, bound);
        parts.push(`${column} ${operator} @r${n}_${side}`);
      }
      return made(`(${column} IS NULL OR (${parts.join(' AND ') || 'TRUE'}))`, `${rule.min ?? '…'} to ${rule.max ?? '…'}`, parameters);
    }
    case 'in_set': {
      const type = columns.type(rule.column);
      const base = typed(type, rule.values[0] ?? '').type;
      const values = rule.values.map((value) => typed(type, value).value);
      return made(`(${quoted(rule.column)} IS NULL OR ${quoted(rule.column)} IN UNNEST(@r${n}_set))`, rule.values.join(', '), {
        [`r${n}_set`]: { type: `ARRAY<${base}>`, value: values },
      });
    }
    case 'matches_regex':
      columns.type(rule.column);
      return made(
        `(${quoted(rule.column)} IS NULL OR REGEXP_CONTAINS(CAST(${quoted(rule.column)} AS STRING), @r${n}_pattern))`,
        rule.pattern,
        {
          [`r${n}_pattern`]: { type: 'STRING', value: rule.pattern },
        },
      );
    case 'foreign_key': {
      columns.type(rule.column);
      const other = `SELECT ${quoted(rule.references.column)} FROM ${tableIn(dataset, rule.references.table)} WHERE ${quoted(rule.references.column)} IS NOT NULL`;
      return made(
        `(${quoted(rule.column)} IS NULL OR ${quoted(rule.column)} IN (${other}))`,
        `a ${rule.references.column} of ${rule.references.table}`,
      );
    }
    case 'sql':
      return made(`((${rule.predicate}) IS TRUE)`, rule.predicate);
    default:
      return undefined;
  }
}

function typed(columnType: string, value: string | number | boolean): SqlParameter {
  const base = /^(BIGNUMERIC|NUMERIC|INT64|FLOAT64|DATE|TIMESTAMP|DATETIME|BOOL)/.exec(columnType)?.[1] ?? 'STRING';
  if (base === 'BOOL') return { type: 'BOOL', value: value === true || value === 'true' };
  if (base === 'INT64' && typeof value === 'number' && !Number.isInteger(value)) return { type: 'NUMERIC', value: String(value) };
  if (base === 'INT64' || base === 'FLOAT64') return { type: base, value: Number(value) };
  return { type: base, value: String(value) };
}
