import { LONGEST_MADE, tenantId } from '@convergence/contracts';
import { JsonText, type Reply } from '@convergence/service';
import { expect, jest, test } from '@jest/globals';
import { answeredOnce } from './answered-once.ts';
import type { OperationCall } from './forward.ts';
import type { Owners } from './owners.ts';

function given(reply: Reply, note: (body: unknown) => Promise<void> = async () => undefined) {
  const noted: unknown[] = [];
  const owners = {
    of: () => ({
      call: async ({ body }: { body: unknown }) => {
        await note(body);
        noted.push(body);
      },
    }),
  } as unknown as Owners;
  const handle = jest.fn(async () => reply);
  const warn = jest.fn();
  const ask = (command?: { id: string; made: string | null }) =>
    answeredOnce(
      owners,
      handle,
    )({
      params: {},
      principal: { kind: 'tenant', tenantId: tenantId('acme_corp'), keyId: 'k', scopes: [] },
      log: { warn },
      ...(command && { command }),
    } as unknown as OperationCall);
  return { ask, handle, noted, warn };
}
const STOPPED: Reply = { status: 202, body: { status: 'CANCELLED' } };

test('what was answered is noted with its command, and answered when that comes again, without being done', async () => {
  for (const body of [STOPPED.body, new JsonText(JSON.stringify(STOPPED.body))]) {
    const { ask, handle, noted } = given({ ...STOPPED, body });
    expect(await ask({ id: 'c', made: null })).toEqual(STOPPED);
    expect(noted).toEqual([{ command: 'c', made: JSON.stringify(STOPPED) }]);
    expect(await ask({ id: 'c', made: JSON.stringify(STOPPED) })).toEqual(STOPPED);
    expect(handle).toHaveBeenCalledTimes(1);
  }
});

test('what has no name is done each time, and noted never', async () => {
  const { ask, handle, noted } = given(STOPPED);
  for (const _ of [1, 2]) expect(await ask()).toEqual(STOPPED);
  expect(handle).toHaveBeenCalledTimes(2);
  expect(noted).toEqual([]);
});

test('an answer that is too long is given and not noted; a note that fails is said in the log', async () => {
  const long = given({ body: 'x'.repeat(LONGEST_MADE) });
  expect(await long.ask({ id: 'c', made: null })).toEqual({ body: 'x'.repeat(LONGEST_MADE) });
  expect(long.noted).toEqual([]);
  const away = given(STOPPED, () => Promise.reject(new Error('away')));
  expect(await away.ask({ id: 'c', made: null })).toEqual(STOPPED);
  expect(away.warn).toHaveBeenCalledTimes(1);
});
