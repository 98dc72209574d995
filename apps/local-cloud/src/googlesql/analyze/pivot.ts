/** PIVOT and UNPIVOT, rewritten as grouping and as UNION ALL. */
import { commonType } from '../functions/signature.ts';
import type { From, Node } from '../parse/ast.ts';
import { SyntaxFault } from '../parse/fault.ts';
import { formatType, STRING } from '../sql-type.ts';
import { coerce } from './convert.ts';
import { analyze } from './expression.ts';
import type { ScopeColumn, Source } from './scope.ts';
import { raw, stringLiteral, type Typed } from './typed.ts';
import type { Env } from './unit.ts';

const numberName = (text: string): string => text.replace('-', 'minus_').replace('.', '_point_');

/** The name that BigQuery gives to a pivot value without an alias. */
function valueName(node: Node): string {
  switch (node.k) {
    case 'string':
      return node.value;
    case 'int':
      return numberName(node.text);
    case 'bool':
      return String(node.value);
    case 'null':
      return 'NULL';
    case 'typed':
      return /NUMERIC|DECIMAL/.test(node.type) ? numberName(node.value) : node.value.replaceAll(/\W/g, '_');
    default:
      throw new SyntaxFault('PIVOT IN values must be literals; give other expressions an alias', node.at);
  }
}

/** Without a prefix, what begins with a digit gets a _; a name that somebody gave stays. */
const standing = (name: string, value: { readonly alias?: string | undefined; readonly of: Node }): string =>
  value.alias === undefined && value.of.k !== 'string' && /^\d/.test(name) ? `_${name}` : name;

export function pivot(node: From & { k: 'pivot' }, input: Source, env: Env): Source {
  const inner: Env = { ...env, scope: input.scope };
  const used = new Set<string>();
  const tracked: Env = {
    ...inner,
    scope: {
      ...input.scope,
      columns: input.scope.columns.map((c) => ({ ...c, used: () => (used.add(c.sql), c.used?.()) })),
      ranges: input.scope.ranges,
    },
  };
  const by = analyze(node.by, tracked);
  const alias = env.unit.alias();
  const selects: string[] = [];
  const outputs: ScopeColumn[] = [];
  for (const value of node.values) {
    const literal = analyze(value.of, { ...env });
    const type = commonType([by, literal]);
    if (!type)
      throw new SyntaxFault(`PIVOT value of type ${formatType(literal.type)} cannot be compared with ${formatType(by.type)}`, value.of.at);
    const condition = literal.untyped ? `${by.sql} IS NULL` : `${coerce(by, type).sql} = ${coerce(literal, type).sql}`;
    const name = value.alias ?? valueName(value.of);
    for (const aggregate of node.aggregates) {
      const computed: { sql: string; type: Typed['type'] }[] = [];
      const result = analyze(aggregate.of, {
        ...inner,
        grouping: {
          source: { ...tracked, noAggregates: 'PIVOT' },
          keys: [],
          groupingOf: undefined,
          aggregate: (sql, type) => {
            computed.push({ sql, type });
            return raw(type, `${sql} FILTER (WHERE ${condition})`);
          },
        },
        scope: { ...input.scope, grouped: () => undefined },
      });
      if (computed.length === 0) throw new SyntaxFault('PIVOT expression must contain an aggregate function call', aggregate.of.at);
      // The aggregate call may be wrapped: FILTER goes right behind DuckDB's own call.
      let sql = result.sql;
      for (const c of computed) sql = sql.replace(`${c.sql} FILTER (WHERE ${condition})`, () => filtered(c.sql, condition));
      const column =
        aggregate.alias !== undefined ? `${aggregate.alias}_${name}` : node.aggregates.length > 1 ? undefined : standing(name, value);
      if (column === undefined) throw new SyntaxFault('PIVOT with several aggregates needs an alias for each of them', aggregate.of.at);
      selects.push(`${sql} AS p${outputs.length + 1}`);
      outputs.push({ name: column, type: result.type, sql: `${alias}.p${outputs.length + 1}` });
    }
  }
  const keys = input.scope.columns.filter((c) => !c.hidden && !used.has(c.sql));
  const list = [...keys.map((c, i) => `${c.sql} AS k${i + 1}`), ...selects];
  const groups = keys.length > 0 ? ` GROUP BY ${keys.map((_, i) => i + 1).join(', ')}` : '';
  const columns = [...keys.map((c, i) => ({ name: c.name, type: c.type, sql: `${alias}.k${i + 1}` })), ...outputs];
  return {
    sql: `(SELECT ${list.join(', ')} FROM ${input.sql}${groups}) AS ${alias}`,
    scope: { parent: env.scope, ranges: [{ alias: node.alias, columns }], columns },
  };
}

/** Puts FILTER behind every aggregate call of `sql`: they stand where a name is followed by a parenthesis at the start or inside a conversion. */
function filtered(sql: string, condition: string): string {
  const start =
    /(sum|count|avg|min|max|any_value|list|string_agg|bool_and|bool_or|bit_and|bit_or|bit_xor|stddev_samp|stddev_pop|var_samp|var_pop|arg_max|arg_min|approx_count_distinct|count_if|first|fsum)\(/g;
  const found = start.exec(sql);
  if (!found) return sql;
  let depth = 0;
  let quoted: string | undefined;
  for (let i = found.index + found[1]!.length; i < sql.length; i++) {
    const c = sql[i]!;
    if (quoted) {
      if (c === quoted) quoted = undefined;
    } else if (c === "'" || c === '"') quoted = c;
    else if (c === '(') depth++;
    else if (c === ')' && --depth === 0) {
      const rest = sql.slice(i + 1);
      const present = /^ FILTER \(WHERE (.*)$/s.exec(rest);
      if (present) return `${sql.slice(0, i + 1)} FILTER (WHERE ${condition} AND ${filtered(present[1]!, condition)}`;
      return `${sql.slice(0, i + 1)} FILTER (WHERE ${condition})${filtered(rest, condition)}`;
    }
  }
  return sql;
}

export function unpivot(node: From & { k: 'unpivot' }, input: Source, env: Env): Source {
  const lower = (s: string) => s.toLowerCase();
  const find = (name: string): ScopeColumn => {
    const found = input.scope.columns.find((c) => lower(c.name) === lower(name));
    if (!found) throw new SyntaxFault(`Unrecognized name: ${name}`, node.at);
    found.used?.();
    return found;
  };
  const groups = node.columns.map((c) => {
    if (c.names.length !== node.values.length)
      throw new SyntaxFault('UNPIVOT column groups must have as many columns as there are values', node.at);
    const label: Typed = c.label ? analyze(c.label, { ...env }) : stringLiteral(c.names.join('_'));
    return { columns: c.names.map(find), label };
  });
  const taken = new Set(groups.flatMap((g) => g.columns));
  const keys = input.scope.columns.filter((c) => !c.hidden && !taken.has(c));
  const types = node.values.map((_, i) => {
    const type = commonType(groups.map((g) => raw(g.columns[i]!.type, '')));
    if (!type)
      throw new SyntaxFault(
        `The datatype of column ${groups.at(-1)!.columns[i]!.name} does not match with other datatypes in the IN clause`,
        node.at,
      );
    return type;
  });
  const labelType = commonType(groups.map((g) => g.label)) ?? STRING;
  const alias = env.unit.alias();
  const rows = groups.map((g) => {
    const values = g.columns.map((c, i) => `v${i + 1} := ${coerce(raw(c.type, c.sql), types[i]!).sql}`);
    return `struct_pack(${[...values, `l := ${coerce(g.label, labelType).sql}`].join(', ')})`;
  });
  const inner = env.unit.alias();
  const columns: ScopeColumn[] = [
    ...keys.map((c, i) => ({ name: c.name, type: c.type, sql: `${alias}.k${i + 1}` })),
    ...node.values.map((name, i) => ({ name, type: types[i]!, sql: `${alias}.v${i + 1}` })),
    { name: node.name, type: labelType, sql: `${alias}.l` },
  ];
  const list = [...keys.map((c, i) => `${c.sql} AS k${i + 1}`), `unnest([${rows.join(', ')}]) AS u`].join(', ');
  const picked = [
    ...keys.map((_, i) => `${inner}.k${i + 1}`),
    ...node.values.map((_, i) => `struct_extract(${inner}.u, 'v${i + 1}') AS v${i + 1}`),
    `struct_extract(${inner}.u, 'l') AS l`,
  ];
  const filter = node.includeNulls
    ? ''
    : ` WHERE ${node.values.map((_, i) => `struct_extract(${inner}.u, 'v${i + 1}') IS NOT NULL`).join(' OR ')}`;
  return {
    sql: `(SELECT ${picked.join(', ')} FROM (SELECT ${list} FROM ${input.sql}) AS ${inner}${filter}) AS ${alias}`,
    scope: { parent: env.scope, ranges: [{ alias: node.alias, columns }], columns },
  };
}
