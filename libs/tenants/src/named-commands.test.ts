import { given, runIdOf, sampleRun } from '@convergence/testing';
import { describe, expect, test } from '@jest/globals';
import { NamedCommands } from './command-names.ts';
import { AT, admitted, ended, onboarded, TENANTS } from './testing/sample.ts';

const AT_MS = Date.parse(AT);
const NAME = '00000000-0000-5000-8000-000000000001';
const COMMAND = `${NAME}@${AT_MS}`;
const name = (request = 'a request', over = {}) => ({ kind: 'name-command', name: NAME, request, holder: 'tenant acme', ...over }) as const;
const named = { type: 'command_named', command: COMMAND, request: 'a request', holder: 'tenant acme' } as const;

describe('a command that a client named', () => {
  test('is remembered, and called the same when it comes again', () => {
    given(TENANTS, [onboarded()])
      .when(name())
      .thenEvents([named])
      .when(name(), '2026-01-16T09:59:59.999Z')
      .thenEvents([])
      .when(name(), '2026-01-16T09:59:59.999Z')
      .thenReply({ command: COMMAND, made: null, named_at: AT });
  });

  test('can not become another: what its name stands for is not changed by who tries', () => {
    given(TENANTS, [named])
      .when(name('another'))
      .thenReply({ command: null, made: null, named_at: null })
      .when(name())
      .thenReply({ command: COMMAND, made: null, named_at: AT });
  });

  test('is forgotten after a day; the name is another command then, for whatever request', () => {
    const next = '2026-01-16T10:00:00.000Z';
    given(TENANTS, [named])
      .when(name('another'), next)
      .thenReply({ command: `${NAME}@${Date.parse(next)}`, made: null, named_at: next });
  });

  test('is told the run that it came to, also when that ended long ago', () => {
    given(TENANTS, [onboarded(), named])
      .when({ kind: 'admit', run: sampleRun(1), command: COMMAND })
      .thenEvents([admitted(1), { type: 'command_made', command: COMMAND, made: runIdOf(1) }])
      .when({ kind: 'end-run', run_id: runIdOf(1), tenant_id: 'acme', outcome: 'succeeded', ended_at: AT } as never)
      .thenReply({ settled: true })
      .when(name(), '2026-01-16T09:00:00.000Z')
      .thenReply({ command: COMMAND, made: runIdOf(1), named_at: AT });
  });

  test('has not come to a run that is live already by the word of admission alone: who asked may know that it has ended', () => {
    given(TENANTS, [onboarded(), named, admitted(1)])
      .when({ kind: 'admit', run: sampleRun(2, { parameters_hash: sampleRun(1).parameters_hash }), command: COMMAND })
      .thenEvents([]);
  });

  test('has come to nothing when it was refused, and may still come to something', () => {
    const full = Array.from({ length: 6 }, (_, i) => [admitted(i + 1), ended(i + 1)]).flat();
    given(TENANTS, [onboarded(), named, ...full])
      .when({ kind: 'admit', run: sampleRun(9), command: COMMAND })
      .thenEvents([])
      .when(name())
      .thenReply({ command: COMMAND, made: null, named_at: AT });
  });

  test('comes to one thing only, and to nothing once it is forgotten', () => {
    const made = (what: string, command = COMMAND) => ({ kind: 'note-made', command, made: what }) as const;
    given(TENANTS, [named])
      .when(made('first'))
      .thenEvents([{ type: 'command_made', command: COMMAND, made: 'first' }])
      .when(made('second'))
      .thenEvents([])
      .when(made('first', `${NAME}@1`))
      .thenEvents([]);
  });
});

test('of too many commands those go whose holder has most of them, and the old go first', () => {
  const commands = new NamedCommands(4);
  const add = (n: number, holder: string, at = AT_MS) => commands.add({ command: `${n}@${at}`, request: 'r', holder, made: null });
  const there = () => [1, 2, 3, 4, 5, 6].filter((n) => commands.byName(String(n), AT_MS));
  add(1, 'tenant acme');
  for (const n of [2, 3, 4, 5]) add(n, 'tenant flood');
  expect(there()).toEqual([1, 3, 4, 5]);
  add(6, 'tenant globex', AT_MS + 86_400_000);
  expect([1, 3, 4, 5, 6].filter((n) => commands.get(`${n}@${AT_MS}`))).toEqual([]);
  expect(commands.get(`6@${AT_MS + 86_400_000}`)).toMatchObject({ holder: 'tenant globex' });
});

test('tables tell them in any order: as before the newest stay, and the oldest go first', () => {
  const rows = (count: number, holder: string, from = 0) =>
    Array.from({ length: count }, (_, i) => ({ command: `${holder}${from + i}@${AT_MS + from + i}`, request: 'r', holder, made: null }));
  const before = new NamedCommands(4);
  const all = [...rows(2, 'a'), ...rows(9, 'b', 2)];
  for (const row of all) before.add(row);
  const after = new NamedCommands(4);
  after.load(all.slice(7).reverse());
  after.load(all.slice(0, 7).reverse());
  const there = (memory: NamedCommands) => all.filter(({ command }) => memory.get(command)).map(({ command }) => command.split('@')[0]);
  expect(there(after)).toEqual(['a1', 'b8', 'b9', 'b10']);
  expect(there(after)).toEqual(there(before));
  for (const memory of [before, after]) memory.add({ command: `b11@${AT_MS + 11}`, request: 'r', holder: 'b', made: null });
  expect(there(after)).toEqual(['a1', 'b9', 'b10']);
  expect(there(after)).toEqual(there(before));
});

test('of a name that was forgotten and came again, tables tell both; it stands for the newer', () => {
  const commands = new NamedCommands(4);
  const told = (at: number) => ({ command: `${NAME}@${at}`, request: `request of ${at}`, holder: 'tenant acme', made: null });
  commands.load([told(AT_MS)]);
  commands.load([told(AT_MS - 1000)]);
  expect(commands.byName(NAME, AT_MS)).toMatchObject({ command: COMMAND });
});
