import { expect, test } from '@jest/globals';
import { GoogleSqlError, parseScript } from './index.ts';

test('a single statement is one node, with or without a semicolon', () => {
  expect(parseScript('select 1')).toEqual([{ node: 'statement', text: 'select 1', at: { line: 1, column: 1 } }]);
  expect(parseScript(' -- c\n select 1 ; ')).toEqual([{ node: 'statement', text: 'select 1', at: { line: 2, column: 2 } }]);
});
test('semicolons and keywords inside literals and comments do not split', () => {
  expect(parseScript('select \';end\'; select """a;\nb""" /* ; */ # ;\n; select 1').map((n) => n.node)).toEqual([
    'statement',
    'statement',
    'statement',
  ]);
});
test('control statements nest', () => {
  const script = parseScript(`
    declare x, y int64 default 5; declare s default 'a'; set x = x + 1; set (x, y) = (1, 2);
    if x > 1 then select 1; elseif x = 0 then select 2; else begin select 3; end; end if;
    while x < 10 do set x = x + 1; if x = 5 then break; end if; end while;
    loop leave; end loop; repeat set x = 1; until x = 1 end repeat;
    for r in (select 1 as a) do select r.a; continue; end for;
    begin select 1/0; exception when error then select @@error.message; raise; end;
    begin transaction; commit; rollback transaction; case x when 1 then select 1; else select 2; end case;
    execute immediate 'select ?' into x using 5; assert x > 0 as 'positive'; raise using message = 'm'; return`);
  expect(script.map((n) => n.node)).toEqual([
    'declare',
    'declare',
    'set',
    'set',
    'if',
    'while',
    'loop',
    'repeat',
    'for',
    'block',
    'transaction',
    'transaction',
    'transaction',
    'if',
    'executeImmediate',
    'assert',
    'raise',
    'return',
  ]);
  expect(script[0]).toMatchObject({ names: ['x', 'y'], type: { kind: 'INT64' }, defaultSql: '5' });
  expect(script[4]).toMatchObject({ branches: [{ condition: 'x > 1' }, { condition: 'x = 0' }], otherwise: [{ node: 'block' }] });
  expect(script[9]).toMatchObject({ handler: [{ node: 'statement', text: 'select @@error.message' }, { node: 'raise' }] });
  expect(script[13]).toMatchObject({ branches: [{ condition: '(x) = (1)' }] });
});
test('faults carry their place', () => {
  expect(() => parseScript('select 1;\nif true then select 2;')).toThrow(GoogleSqlError);
  expect(() => parseScript('begin\n  select 1;\n')).toThrow(/Expected keyword END but got end of script at \[3:1\]/);
  expect(() => parseScript('select 1; declare x int64')).toThrow(/only at the start of a block or script at \[1:11\]/);
  expect(() => parseScript('')).toThrow(/Unexpected end of statement/);
});
