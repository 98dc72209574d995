import { isRunId } from '@convergence/contracts';
import { describe, expect, test } from '@jest/globals';
import { commandHeaders, commandId, commandOf, idOfMade } from './command-id.ts';

const COMMAND = commandId('key-acme', 'K', 'pipelines.run', {});

describe('the name of a command', () => {
  test('is the same for the same words, another for others, and reads like a run id', () => {
    expect(commandId('key-acme', 'K', 'pipelines.run', {})).toBe(COMMAND);
    expect(isRunId(COMMAND)).toBe(true);
    for (const other of [
      ['key-acme', 'L', 'pipelines.run', {}],
      ['key-acme', 'K', 'pipelines.run', { date: 'x' }],
      ['key-b', 'K', 'pipelines.run', {}],
    ]) {
      expect(commandId(...other)).not.toBe(COMMAND);
    }
  });

  test('and what it came to are told in headers', () => {
    for (const command of [
      { id: `${COMMAND}@1`, made: null },
      { id: `${COMMAND}@1`, made: 'a-run' },
    ])
      expect(commandOf({ headers: commandHeaders(command) })).toEqual(command);
    expect(commandOf({ headers: {} })).toBeUndefined();
  });
});

test('what a command makes has the same id each time it comes, another for another thing, and a new one where it has no name', () => {
  const command = { id: `${COMMAND}@1`, made: null };
  expect(idOfMade('run', command)).toBe(idOfMade('run', { ...command, made: 'x' }));
  expect(isRunId(idOfMade('run', command))).toBe(true);
  const others = [idOfMade('run', command), idOfMade('backfill', command), idOfMade('run', { ...command, id: `${COMMAND}@2` })];
  expect(new Set([...others, idOfMade('run', undefined), idOfMade('run', undefined)]).size).toBe(5);
});
