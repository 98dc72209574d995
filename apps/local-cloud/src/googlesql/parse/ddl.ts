/** CREATE, ALTER and DROP. What a statement means is decided by ../ddl.ts; here is only its shape. */
import type { AlterNode, ColumnDef, DdlStatement, Node, Options, Query, TypeNode } from './ast.ts';
import { parseExpression, parseOptions, parseType } from './expression.ts';
import { SyntaxFault } from './fault.ts';
import { parseQuery } from './query.ts';
import type { Stream } from './stream.ts';

export function isDdl(s: Stream): boolean {
  return s.isAny('CREATE', 'ALTER', 'DROP');
}

export function parseDdl(s: Stream): DdlStatement {
  if (s.is('CREATE')) return parseCreate(s);
  if (s.is('ALTER')) return parseAlter(s);
  return parseDrop(s);
}

const refuse = (what: string, at: number) => new SyntaxFault(`${what} is not supported`, at, 'unsupported');
const ifNotExists = (s: Stream) => s.accept('IF', 'NOT', 'EXISTS');
const ifExists = (s: Stream) => s.accept('IF', 'EXISTS');

function parseCreate(s: Stream): DdlStatement {
  const at = s.at;
  s.expect('CREATE');
  const orReplace = s.accept('OR', 'REPLACE');
  const temporary = s.accept('TEMP') || s.accept('TEMPORARY');
  if (s.accept('SCHEMA')) {
    const exists = ifNotExists(s);
    const path = s.path();
    const options = s.is('OPTIONS') ? parseOptions(s) : undefined;
    return { k: 'createSchema', path, ifNotExists: exists, at, ...(options && { options }) };
  }
  if (s.accept('TABLE')) {
    if (s.is('FUNCTION')) return parseCreateFunction(s, at, orReplace, temporary, true);
    return parseCreateTable(s, at, orReplace, temporary);
  }
  if (s.accept('VIEW')) return parseCreateView(s, at, orReplace);
  if (s.is('FUNCTION')) return parseCreateFunction(s, at, orReplace, temporary, false);
  if (s.accept('ROW', 'ACCESS', 'POLICY')) return parseCreatePolicy(s, at, orReplace);
  if (s.token.kind === 'ident')
    throw refuse(
      `CREATE ${s.token.text.toUpperCase()}${s.is('MATERIALIZED') || s.is('EXTERNAL') || s.is('SNAPSHOT') ? ` ${s.peek().word}` : ''}`,
      at,
    );
  throw s.unexpected();
}

function parseColumn(s: Stream): ColumnDef {
  const at = s.at;
  const name = s.identifier('column name');
  const type = parseType(s);
  let notNull = false;
  let primaryKey = false;
  let defaultAt: readonly [number, number] | undefined;
  let options: Options | undefined;
  for (;;) {
    if (s.accept('NOT', 'NULL')) notNull = true;
    else if (s.accept('PRIMARY', 'KEY')) {
      primaryKey = true;
      s.expect('NOT', 'ENFORCED');
    } else if (s.accept('DEFAULT')) {
      const from = s.at;
      parseExpression(s);
      defaultAt = [from, s.previousEnd];
    } else if (s.is('OPTIONS')) options = parseOptions(s);
    else if (s.is('REFERENCES')) {
      s.next();
      s.path();
      s.expect('(');
      s.list(() => s.identifier());
      s.expect(')', 'NOT', 'ENFORCED');
    } else if (s.is('GENERATED')) throw refuse('GENERATED column', s.at);
    else break;
  }
  return { name, type, notNull, primaryKey, at, ...(defaultAt && { defaultAt }), ...(options && { options }) };
}

function parseCreateTable(s: Stream, at: number, orReplace: boolean, temporary: boolean): DdlStatement {
  const exists = ifNotExists(s);
  const path = s.path();
  const out: { -readonly [K in keyof Extract<DdlStatement, { k: 'createTable' }>]: Extract<DdlStatement, { k: 'createTable' }>[K] } = {
    k: 'createTable',
    path,
    orReplace,
    ifNotExists: exists,
    temporary,
    at,
  };
  if (s.accept('LIKE')) out.like = s.path();
  else if (s.accept('CLONE')) out.clone = s.path();
  else if (s.accept('COPY')) out.copy = s.path();
  if (s.is('(')) parseTableElements(s, out);
  if (s.accept('DEFAULT', 'COLLATE')) throw refuse('DEFAULT COLLATE', at);
  if (s.accept('PARTITION', 'BY')) out.partitionBy = parseExpression(s);
  if (s.accept('CLUSTER', 'BY')) out.clusterBy = s.list(() => s.identifier());
  if (s.is('OPTIONS')) out.options = parseOptions(s);
  if (s.accept('AS')) out.asSelect = parseQuery(s);
  return out;
}

function parseTableElements(s: Stream, out: { columns?: readonly ColumnDef[]; primaryKey?: readonly string[] }): void {
  s.expect('(');
  const columns: ColumnDef[] = [];
  do {
    if (s.is(')')) break;
    if (s.accept('CONSTRAINT')) s.identifier();
    if (s.accept('PRIMARY', 'KEY')) {
      s.expect('(');
      out.primaryKey = s.list(() => s.identifier());
      s.expect(')', 'NOT', 'ENFORCED');
    } else if (s.accept('FOREIGN', 'KEY')) {
      s.expect('(');
      s.list(() => s.identifier());
      s.expect(')', 'REFERENCES');
      s.path();
      s.expect('(');
      s.list(() => s.identifier());
      s.expect(')', 'NOT', 'ENFORCED');
    } else columns.push(parseColumn(s));
  } while (s.accept(','));
  s.expect(')');
  const keys = columns.filter((c) => c.primaryKey).map((c) => c.name);
  if (keys.length > 0) out.primaryKey = keys;
  out.columns = columns;
}

function parseCreateView(s: Stream, at: number, orReplace: boolean): DdlStatement {
  const exists = ifNotExists(s);
  const path = s.path();
  let columns: { name: string; options?: Options }[] | undefined;
  if (s.accept('(')) {
    columns = s.list(() => {
      const name = s.identifier();
      return s.is('OPTIONS') ? { name, options: parseOptions(s) } : { name };
    });
    s.expect(')');
  }
  const options = s.is('OPTIONS') ? parseOptions(s) : undefined;
  s.expect('AS');
  const query = parseQuery(s);
  return { k: 'createView', path, orReplace, ifNotExists: exists, query, at, ...(columns && { columns }), ...(options && { options }) };
}

function parseCreateFunction(s: Stream, at: number, orReplace: boolean, temporary: boolean, table: boolean): DdlStatement {
  s.expect('FUNCTION');
  const exists = ifNotExists(s);
  const path = s.path();
  s.expect('(');
  const args: { name: string; type: TypeNode | 'ANY TYPE' }[] = [];
  if (!s.is(')')) {
    args.push(
      ...s.list(() => {
        const name = s.identifier();
        if (s.accept('ANY', 'TYPE')) return { name, type: 'ANY TYPE' as const };
        return { name, type: parseType(s) };
      }),
    );
  }
  s.expect(')');
  let returns: TypeNode | undefined;
  if (s.accept('RETURNS')) {
    if (s.is('TABLE')) throw refuse('RETURNS TABLE', s.at);
    returns = parseType(s);
  }
  if (s.accept('LANGUAGE')) throw refuse(`LANGUAGE ${s.token.text} function`, at);
  if (s.is('OPTIONS')) parseOptions(s);
  s.expect('AS');
  let bodyNode: Node | Query;
  let from: number;
  let to: number;
  if (table) {
    const wrapped = s.accept('(');
    from = s.at;
    bodyNode = parseQuery(s);
    to = s.previousEnd;
    if (wrapped) s.expect(')');
  } else {
    s.expect('(');
    from = s.at;
    bodyNode = s.isAny('SELECT', 'WITH') ? { k: 'scalarQuery', query: parseQuery(s), at: from } : parseExpression(s);
    to = s.previousEnd;
    s.expect(')');
  }
  const text = s.slice(from, to);
  const body = 'k' in bodyNode && bodyNode.k === 'scalarQuery' && !text.startsWith('(') ? `(${text})` : text;
  if (s.is('OPTIONS')) parseOptions(s);
  return {
    k: 'createFunction',
    path,
    orReplace,
    ifNotExists: exists,
    temporary,
    table,
    args,
    body,
    bodyNode,
    at,
    ...(returns && { returns }),
  };
}

function parseCreatePolicy(s: Stream, at: number, orReplace: boolean): DdlStatement {
  const exists = ifNotExists(s);
  const name = s.identifier();
  s.expect('ON');
  const path = s.path();
  const grantees: string[] = [];
  if (s.accept('GRANT', 'TO')) {
    s.expect('(');
    grantees.push(
      ...s.list(() => {
        if (s.token.kind !== 'string') throw s.unexpected('string literal');
        return s.next().text;
      }),
    );
    s.expect(')');
  }
  s.expect('FILTER', 'USING', '(');
  const from = s.at;
  const filterNode = parseExpression(s);
  const filter = s.slice(from, s.previousEnd);
  s.expect(')');
  return { k: 'createRowAccessPolicy', name, path, orReplace, ifNotExists: exists, grantees, filter, filterNode, at };
}

function parseAlter(s: Stream): DdlStatement {
  const at = s.at;
  s.expect('ALTER');
  if (s.accept('SCHEMA')) {
    const exists = ifExists(s);
    const path = s.path();
    s.expect('SET');
    return { k: 'alterSchema', path, ifExists: exists, options: parseOptions(s), at };
  }
  if (s.accept('VIEW')) {
    const exists = ifExists(s);
    const path = s.path();
    s.expect('SET');
    return { k: 'alterView', path, ifExists: exists, options: parseOptions(s), at };
  }
  if (!s.accept('TABLE')) throw refuse(`ALTER ${s.token.text.toUpperCase()}`, at);
  const exists = ifExists(s);
  const path = s.path();
  return { k: 'alterTable', path, ifExists: exists, actions: s.list(() => parseAction(s)), at };
}

function parseAction(s: Stream): AlterNode {
  const at = s.at;
  if (s.accept('ADD', 'COLUMN')) {
    const exists = ifNotExists(s);
    return { action: 'addColumn', ifNotExists: exists, column: parseColumn(s) };
  }
  if (s.accept('DROP', 'COLUMN')) {
    const exists = ifExists(s);
    return { action: 'dropColumn', ifExists: exists, name: s.identifier() };
  }
  if (s.accept('RENAME', 'COLUMN')) {
    const exists = ifExists(s);
    const from = s.identifier();
    s.expect('TO');
    return { action: 'renameColumn', from, to: s.identifier(), ifExists: exists };
  }
  if (s.accept('RENAME', 'TO')) return { action: 'renameTo', table: s.identifier() };
  if (s.is('SET') && s.peek().word === 'OPTIONS') {
    s.next();
    return { action: 'setOptions', options: parseOptions(s) };
  }
  if (s.accept('ALTER', 'COLUMN')) {
    ifExists(s);
    const name = s.identifier();
    if (s.accept('SET', 'DATA', 'TYPE')) return { action: 'setDataType', name, type: parseType(s) };
    if (s.accept('DROP', 'NOT', 'NULL')) return { action: 'dropNotNull', name };
    if (s.accept('DROP', 'DEFAULT')) return { action: 'setDefault', name, sql: undefined };
    if (s.accept('SET', 'DEFAULT')) {
      const from = s.at;
      parseExpression(s);
      return { action: 'setDefault', name, sql: s.slice(from, s.previousEnd) };
    }
    s.expect('SET');
    return { action: 'setColumnOptions', name, options: parseOptions(s) };
  }
  throw refuse(`ALTER TABLE ${s.token.text.toUpperCase()} ${s.peek().text.toUpperCase()}`, at);
}

function parseDrop(s: Stream): DdlStatement {
  const at = s.at;
  s.expect('DROP');
  if (s.accept('SCHEMA')) {
    const exists = ifExists(s);
    const path = s.path();
    const cascade = s.either('CASCADE', 'RESTRICT');
    return { k: 'dropSchema', path, ifExists: exists, cascade, at };
  }
  if (s.isAny('TABLE', 'VIEW')) {
    const what = s.next().word as 'TABLE';
    if (what === 'TABLE' && s.accept('FUNCTION')) return { k: 'dropFunction', ifExists: ifExists(s), path: s.path(), at };
    const exists = ifExists(s);
    return { k: 'drop', what, path: s.path(), ifExists: exists, at };
  }
  if (s.accept('FUNCTION')) {
    const exists = ifExists(s);
    return { k: 'dropFunction', path: s.path(), ifExists: exists, at };
  }
  if (s.accept('ALL', 'ROW', 'ACCESS', 'POLICIES', 'ON'))
    return { k: 'dropRowAccessPolicy', name: 'ALL', path: s.path(), ifExists: false, at };
  if (s.accept('ROW', 'ACCESS', 'POLICY')) {
    const exists = ifExists(s);
    const name = s.identifier();
    s.expect('ON');
    return { k: 'dropRowAccessPolicy', name, path: s.path(), ifExists: exists, at };
  }
  throw refuse(`DROP ${s.token.text.toUpperCase()}`, at);
}
