import { isRunId, Refusal, Transient } from '@convergence/contracts';
import { describe, expect, test } from '@jest/globals';
import { commandId, runOf } from './command-id.ts';

const NOW = Date.parse('2026-03-01T23:59:30Z');
const MINUTE = 60_000;
/** Each minute of one. */
const HOUR = Array.from({ length: 60 }, (_, minute) => NOW + minute * MINUTE);
const COMMAND = commandId('key-acme', 'K', 'pipelines.run', {});

/** tenant-service, knowing these runs. */
function given(...known: string[]) {
  const client = {
    call: async <T>({ path }: { path: string }): Promise<T> => {
      const id = path.replace('/internal/runs/', '');
      if (known.includes(id)) return {} as T;
      throw new Refusal('run.not_found', `No run ${id} is live or ended just now.`);
    },
  };
  return (command: string | undefined, now: number) => runOf(command, now, () => client, 'gateway');
}

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
});

describe('the run of a command', () => {
  test('that its client did not name is a new one each time', async () => {
    const run = given();
    expect((await run(undefined, NOW)).run_id).not.toBe((await run(undefined, NOW)).run_id);
  });

  test('is admitted under one id by all who ask at once, and found by who asks minutes later', async () => {
    for (const begun of HOUR) {
      const { run_id, admitted } = await given()(COMMAND, begun);
      expect(admitted).toBe(false);
      for (const later of [0, 1, 10]) {
        expect(await given(run_id)(COMMAND, begun + later * MINUTE)).toEqual({ run_id, admitted: true });
      }
    }
  });

  test('has another id once tenant-service may have forgotten it', async () => {
    for (const begun of HOUR) {
      const { run_id } = await given()(COMMAND, begun);
      for (const later of [15, 16, 100]) expect((await given()(COMMAND, begun + later * MINUTE)).run_id).not.toBe(run_id);
    }
  });

  test('is not guessed while tenant-service is away', async () => {
    const away = { call: () => Promise.reject(new Transient('tenant-service can not be reached.')) };
    await expect(runOf(COMMAND, NOW, () => away, 'gateway')).rejects.toMatchObject({ name: 'Transient' });
  });
});
