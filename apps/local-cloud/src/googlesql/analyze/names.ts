/** Names become columns, fields, variables; subscripts become elements. */
import { nearest } from '../nearest.ts';
import type { Node } from '../parse/ast.ts';
import { pathOf } from '../parse/expression.ts';
import { SyntaxFault } from '../parse/fault.ts';
import { fieldName, formatType, INT64, JSON_TYPE, STRING } from '../sql-type.ts';
import { analyzeCall } from './call.ts';
import { want } from './operator.ts';
import { fieldOf, resolve, visibleNames } from './scope.ts';
import { raw, type Typed, textLiteral } from './typed.ts';
import type { Env } from './unit.ts';

/** Those that have a value outside of scripts too. */
export function systemVariable(name: string, at: number, env: Env): Typed {
  const { catalog } = env.unit.context;
  switch (name.toLowerCase()) {
    case 'time_zone':
      return raw(STRING, "'UTC'");
    case 'project_id':
    case 'dataset_project_id':
      return raw(STRING, textLiteral(catalog.defaultProject));
    case 'dataset_id':
      return catalog.defaultDataset === undefined ? raw(STRING, 'CAST(NULL AS VARCHAR)') : raw(STRING, textLiteral(catalog.defaultDataset));
    default:
      throw new SyntaxFault(`Unrecognized system variable: @@${name}`, at);
  }
}

export function analyzePath(node: Node & { k: 'name' | 'dot' }, env: Env): Typed {
  const path = pathOf(node);
  if (path) {
    const found = lookup(path, env, node.at);
    if (found) return takeFields(found.value, found.rest, node.at);
    const all = [...visibleNames(env.scope), ...(env.aliases?.map.keys() ?? []), ...env.unit.context.variables.keys()];
    if (path.length === 1 && /^CURRENT_(DATE|TIME|DATETIME|TIMESTAMP)$/i.test(path[0]!)) {
      return analyzeCall(
        { k: 'call', path, safe: false, args: [], named: [], distinct: false, order: [], at: node.at },
        env,
        env.unit.analyze,
      );
    }
    const hint = nearest(path[0]!, all);
    throw new SyntaxFault(
      `Unrecognized name: ${path.join('.')}${hint && path.length === 1 ? `; Did you mean ${hint}?` : hint ? `; Did you mean ${hint}?` : ''}`,
      node.at,
    );
  }
  if (node.k === 'name') throw new SyntaxFault(`Unrecognized name: ${node.name}`, node.at);
  return takeFields(env.unit.analyze(node.of, env), [node.name], node.at);
}

function lookup(path: readonly string[], env: Env, at: number): { value: Typed; rest: readonly string[] } | undefined {
  const key = path[0]!.toLowerCase();
  const local = env.locals?.get(key);
  if (local) return { value: { ...local, name: path[0]! }, rest: path.slice(1) };
  const alias = env.aliases?.map.get(key);
  if (alias && env.aliases!.first) {
    if (alias === 'ambiguous') throw new SyntaxFault(`Column name ${path[0]} is ambiguous`, at);
    return { value: alias, rest: path.slice(1) };
  }
  let missing: unknown;
  try {
    const found = resolve(env.scope, path, at);
    if (found) return found;
  } catch (error) {
    if (!alias) throw error;
    missing = error;
  }
  if (alias === 'ambiguous') throw missing ?? new SyntaxFault(`Column name ${path[0]} is ambiguous`, at);
  if (alias) return { value: alias, rest: path.slice(1) };
  const type = env.unit.context.variables.get(key);
  if (type) return { value: { ...env.unit.variable(key, type), name: path[0]! }, rest: path.slice(1) };
  return undefined;
}

function takeFields(start: Typed, rest: readonly string[], at: number): Typed {
  let value = start;
  for (const name of rest) {
    if (value.type.kind === 'JSON') {
      value = { ...raw(JSON_TYPE, `gs_json_member(${value.sql}, ${textLiteral(name)})`), name };
      continue;
    }
    if (value.type.kind !== 'STRUCT')
      throw new SyntaxFault(`Cannot access field ${name} on a value with type ${formatType(value.type)}`, at);
    const field = fieldOf(value, name, at);
    if (!field) throw new SyntaxFault(`Field name ${name} does not exist in ${formatType(value.type)}`, at);
    value = field;
  }
  return value;
}

export function analyzeIndex(node: Node & { k: 'index' }, env: Env): Typed {
  const of = env.unit.analyze(node.of, env);
  const accessor = node.index.k === 'call' && node.index.path.length === 1 ? node.index.path[0]!.toUpperCase() : '';
  const wrapped = ['OFFSET', 'ORDINAL', 'SAFE_OFFSET', 'SAFE_ORDINAL', 'KEY', 'SAFE_KEY'].includes(accessor);
  if (node.index.k === 'call' && wrapped && node.index.args.length !== 1)
    throw new SyntaxFault(`${accessor} takes exactly one argument`, node.index.at);
  const inner = node.index.k === 'call' && wrapped ? node.index.args[0]! : node.index;
  const index = env.unit.analyze(inner, env);
  if (of.type.kind === 'JSON') {
    if (index.type.kind === 'STRING') return raw(JSON_TYPE, `gs_json_member(${of.sql}, ${index.sql})`);
    return raw(JSON_TYPE, `gs_json_element(${of.sql}, ${want(index, INT64, inner.at, 'subscript operator').sql})`);
  }
  if (of.type.kind === 'STRUCT' && typeof index.literal === 'bigint') {
    const { fields } = of.type;
    const i = Number(index.literal) - (accessor.endsWith('ORDINAL') ? 1 : 0);
    const field = fields[i];
    if (!field) throw new SyntaxFault(`Field ordinal out of bounds in ${formatType(of.type)}`, node.at);
    return raw(field.type, `struct_extract(${of.sql}, ${textLiteral(fieldName(fields, i))})`);
  }
  if (of.type.kind !== 'ARRAY' || accessor.endsWith('KEY')) {
    throw new SyntaxFault(`Element access using [] is not supported on values of type ${formatType(of.type)}`, node.at);
  }
  const position = want(index, INT64, inner.at, 'array position');
  const base = accessor.endsWith('ORDINAL') ? position.sql : `(${position.sql} + 1)`;
  if (accessor.startsWith('SAFE')) return raw(of.type.element, `(${of.sql})[CASE WHEN ${base} < 1 THEN NULL ELSE ${base} END]`);
  return raw(of.type.element, `(${of.sql})[gs_position(${base}, len(${of.sql}), ${position.sql})]`);
}

/** The name that an expression has without an alias. */
export function inferName(node: Node): string | undefined {
  if (node.k === 'name' || node.k === 'dot') return node.name;
  return undefined;
}
