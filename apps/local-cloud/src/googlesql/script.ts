/**
 * Scripts: control statements become nodes, everything else stays text, to be compiled when it is reached.
 * 1. A text with one plain statement is one `statement` node.
 * 2. Blocks nest; a statement never contains a semicolon outside of literals.
 */
import { guarded } from './compile.ts';
import { GoogleSqlError, type Position, type ScriptNode } from './contract.ts';
import { parseExpression, parseType } from './parse/expression.ts';
import { positionOf, SyntaxFault } from './parse/fault.ts';
import { parseQuery } from './parse/query.ts';
import { Stream } from './parse/stream.ts';
import { typeFromNode } from './sql-type.ts';

export function parseScript(sql: string): readonly ScriptNode[] {
  return guarded(sql, {}, () => {
    const s = new Stream(sql, parseQuery);
    const nodes: ScriptNode[] = [];
    while (!s.done) {
      if (s.accept(';')) continue;
      nodes.push(statement(s));
      if (!s.done) s.expect(';');
    }
    if (nodes.length === 0) throw new SyntaxFault('Syntax error: Unexpected end of statement', 0);
    declarationsFirst(nodes, true);
    return nodes;
  });
}

const place = (s: Stream, offset = s.at): Position => positionOf(s.text, offset);

/** Variables are declared before anything else: of the script, or of a BEGIN block. */
function declarationsFirst(nodes: readonly ScriptNode[], allowed: boolean): void {
  const first = nodes.findIndex((n) => n.node !== 'declare');
  const late = allowed ? nodes.slice(first < 0 ? nodes.length : first) : nodes;
  const stray = late.find((n) => n.node === 'declare');
  if (stray) throw new GoogleSqlError('invalidQuery', 'Variable declarations are allowed only at the start of a block or script', stray.at);
}

/** Statements up to one of the words that close the block. */
function block(s: Stream, ...closing: string[]): ScriptNode[] {
  const nodes: ScriptNode[] = [];
  while (!s.isAny(...closing)) {
    if (s.done) throw s.unexpected(`keyword ${closing[0]}`);
    if (s.accept(';')) continue;
    nodes.push(statement(s));
    s.expect(';');
  }
  declarationsFirst(nodes, closing.includes('EXCEPTION'));
  return nodes;
}

function expressionText(s: Stream): string {
  const from = s.at;
  parseExpression(s);
  return s.slice(from, s.previousEnd);
}

function statement(s: Stream): ScriptNode {
  return s.nested(() => control(s) ?? plain(s));
}

function plain(s: Stream): ScriptNode {
  const from = s.at;
  const at = place(s);
  while (!s.is(';') && !s.done) s.next();
  return { node: 'statement', text: s.slice(from, s.previousEnd), at };
}

function control(s: Stream): ScriptNode | undefined {
  const at = place(s);
  const labelled = s.isIdentifier() && s.peek().word === ':' ? s.next().text : undefined;
  if (labelled !== undefined) s.expect(':');
  const label = labelled === undefined ? {} : { label: labelled };
  switch (s.token.word) {
    case 'DECLARE':
      return declare(s, at);
    case 'SET':
      return set(s, at);
    case 'IF':
      return conditional(s, at);
    case 'CASE':
      return caseStatement(s, at);
    case 'LOOP': {
      s.next();
      const body = block(s, 'END');
      s.expect('END', 'LOOP');
      endLabel(s, labelled);
      return { node: 'loop', ...label, body, at };
    }
    case 'WHILE': {
      s.next();
      const condition = expressionText(s);
      s.expect('DO');
      const body = block(s, 'END');
      s.expect('END', 'WHILE');
      endLabel(s, labelled);
      return { node: 'while', ...label, condition, body, at };
    }
    case 'REPEAT': {
      s.next();
      const body = block(s, 'UNTIL');
      s.expect('UNTIL');
      const until = expressionText(s);
      s.expect('END', 'REPEAT');
      endLabel(s, labelled);
      return { node: 'repeat', ...label, until, body, at };
    }
    case 'FOR': {
      s.next();
      const variable = s.identifier();
      s.expect('IN', '(');
      const from = s.at;
      parseQuery(s);
      const query = s.slice(from, s.previousEnd);
      s.expect(')', 'DO');
      const body = block(s, 'END');
      s.expect('END', 'FOR');
      endLabel(s, labelled);
      return { node: 'for', ...label, variable, query, body, at };
    }
    case 'BEGIN':
      return begin(s, at, labelled);
    case 'COMMIT':
    case 'ROLLBACK': {
      const verb = s.next().word === 'COMMIT' ? 'commit' : 'rollback';
      s.accept('TRANSACTION');
      return { node: 'transaction', verb, at };
    }
    case 'BREAK':
    case 'LEAVE':
    case 'CONTINUE':
    case 'ITERATE': {
      const node = ['BREAK', 'LEAVE'].includes(s.next().word) ? 'break' : 'continue';
      return { node, at, ...(s.isIdentifier() && { label: s.next().text }) };
    }
    case 'RETURN':
      s.next();
      return { node: 'return', at };
    case 'RAISE': {
      s.next();
      if (!s.accept('USING')) return { node: 'raise', at };
      if (s.identifier().toUpperCase() !== 'MESSAGE') throw s.unexpected();
      s.expect('=');
      return { node: 'raise', messageSql: expressionText(s), at };
    }
    case 'ASSERT': {
      s.next();
      const condition = expressionText(s);
      if (!s.accept('AS')) return { node: 'assert', condition, at };
      if (s.token.kind !== 'string') throw s.unexpected('string literal');
      return { node: 'assert', condition, description: s.next().text, at };
    }
    case 'EXECUTE':
      return execute(s, at);
    case 'CALL':
      throw new SyntaxFault('CALL is not supported', s.at, 'unsupported');
  }
  if (labelled !== undefined) throw s.unexpected();
  return undefined;
}

function endLabel(s: Stream, label: string | undefined): void {
  if (label !== undefined && s.isIdentifier() && s.token.text.toLowerCase() === label.toLowerCase()) s.next();
}

function declare(s: Stream, at: Position): ScriptNode {
  s.next();
  const names = s.list(() => s.identifier('variable name'));
  const type = s.is('DEFAULT') ? undefined : typeFromNode(parseType(s));
  const defaultSql = s.accept('DEFAULT') ? expressionText(s) : undefined;
  return { node: 'declare', names, at, ...(type && { type }), ...(defaultSql !== undefined && { defaultSql }) };
}

function set(s: Stream, at: Position): ScriptNode {
  s.next();
  const name = () => {
    if (s.token.kind === 'sysvar') return `@@${s.next().text}`;
    return s.identifier('variable name');
  };
  let names: string[];
  if (s.accept('(')) {
    names = s.list(name);
    s.expect(')');
  } else names = [name()];
  s.expect('=');
  return { node: 'set', names, sql: expressionText(s), at };
}

function conditional(s: Stream, at: Position): ScriptNode {
  const branches: { condition: string; body: ScriptNode[] }[] = [];
  s.next();
  do {
    const condition = expressionText(s);
    s.expect('THEN');
    branches.push({ condition, body: block(s, 'ELSEIF', 'ELSE', 'END') });
  } while (s.accept('ELSEIF'));
  const otherwise = s.accept('ELSE') ? block(s, 'END') : [];
  s.expect('END', 'IF');
  return { node: 'if', branches, otherwise, at };
}

function caseStatement(s: Stream, at: Position): ScriptNode {
  s.next();
  const of = s.is('WHEN') ? undefined : expressionText(s);
  const branches: { condition: string; body: ScriptNode[] }[] = [];
  while (s.accept('WHEN')) {
    const when = expressionText(s);
    s.expect('THEN');
    branches.push({ condition: of === undefined ? when : `(${of}) = (${when})`, body: block(s, 'WHEN', 'ELSE', 'END') });
  }
  const otherwise = s.accept('ELSE') ? block(s, 'END') : [];
  s.expect('END', 'CASE');
  return { node: 'if', branches, otherwise, at };
}

function begin(s: Stream, at: Position, label: string | undefined): ScriptNode {
  s.next();
  if (label === undefined && (s.accept('TRANSACTION') || s.is(';') || s.done)) return { node: 'transaction', verb: 'begin', at };
  const body = block(s, 'END', 'EXCEPTION');
  let handler: ScriptNode[] | undefined;
  if (s.accept('EXCEPTION')) {
    s.expect('WHEN');
    if (s.identifier().toUpperCase() !== 'ERROR') throw s.unexpected('keyword ERROR');
    s.expect('THEN');
    handler = block(s, 'END');
  }
  s.expect('END');
  endLabel(s, label);
  return { node: 'block', body, at, ...(label !== undefined && { label }), ...(handler && { handler }) };
}

function execute(s: Stream, at: Position): ScriptNode {
  s.expect('EXECUTE', 'IMMEDIATE');
  const sql = expressionText(s);
  const into = s.accept('INTO') ? s.list(() => s.identifier()) : [];
  const using = s.accept('USING')
    ? s.list(() => {
        const text = expressionText(s);
        return s.accept('AS') ? { sql: text, name: s.identifier() } : { sql: text };
      })
    : [];
  return { node: 'executeImmediate', sql, into, using, at };
}
