import type { NameCommandsRequest, Principal } from '@convergence/contracts';
import { Refusal, SCOPES, tenantId } from '@convergence/contracts';
import { describe, expect, test } from '@jest/globals';
import { namingCommands } from './commands.ts';
import type { Owners } from './owners.ts';

type Named = NameCommandsRequest['commands'][number];
const ACME: Principal = { kind: 'tenant', tenantId: tenantId('acme_corp'), keyId: 'key-acme', scopes: SCOPES };
const REQUEST = ['credentials.create', {}, {}, { secret: 's3cr3t' }];

/** A gateway, and what it told tenant-service. */
function given({ gatewaysKey = 'a-key-of-the-gateways', conflict = [] as string[], refusal = undefined as Refusal | undefined } = {}) {
  const calls: Named[][] = [];
  const owners = {
    of: () => ({
      call: async ({ body }: { body: NameCommandsRequest }) => {
        calls.push([...body.commands]);
        if (refusal) throw refusal;
        const named_at = '2026-01-15T10:00:00.000Z';
        const another = { command: null, made: null, named_at: null };
        return {
          commands: body.commands.map(({ name }) => (conflict.includes(name) ? another : { command: `${name}@1`, made: null, named_at })),
        };
      },
    }),
  } as unknown as Owners;
  const nameCommand = namingCommands(owners, gatewaysKey);
  const ask = (key: string, principal: Principal = ACME, headers = {}, body: unknown = {}, request: readonly unknown[] = REQUEST) =>
    nameCommand(key, { principal, params: {}, body, request: { headers } }, request);
  const told = async (...asked: Parameters<typeof ask>): Promise<Named> => {
    await ask(...asked);
    return calls.at(-1)?.at(-1) as Named;
  };
  return { ask, told, calls };
}
const KEY = { 'x-api-key': 'acme_corp_api_1' };

describe('a command', () => {
  test('has one name at every gateway, whatever is asked, and another for another caller or key', async () => {
    const { told } = given();
    const { name } = await told('k', ACME, KEY);
    expect((await given({ gatewaysKey: 'another' }).told('k', ACME, KEY)).name).toBe(name);
    expect((await told('k', ACME, KEY, {}, ['api-keys.create'])).name).toBe(name);
    const others = [
      await told('l', ACME, KEY),
      await told('k', { ...ACME, keyId: 'key-2' }, KEY),
      await told('k', { ...ACME, tenantId: tenantId('globex') }, KEY),
      await told('k', { kind: 'admin' }, { 'x-admin-key': 'one' }),
      await told('k', { kind: 'admin' }, { 'x-admin-key': 'two' }),
    ].map((named) => named.name);
    expect(new Set([name, ...others]).size).toBe(6);
  });

  test('of strangers is one for each tenant that they onboard', async () => {
    const { told } = given();
    const stranger = async (tenant_id: string) => (await told('1', { kind: 'anonymous' }, {}, { tenant_id })).name;
    expect(await stranger('acme_corp')).toBe(await stranger('acme_corp'));
    expect(await stranger('acme_corp')).not.toBe(await stranger('globex'));
  });

  test('tells its request to nobody who does not hold the secret of who asks, or of the gateways', async () => {
    const { told } = given();
    const { request } = await told('k', ACME, KEY);
    expect((await given({ gatewaysKey: 'another' }).told('k', ACME, KEY)).request).toBe(request);
    const admin = await told('k', { kind: 'admin' });
    const others = [
      (await told('k', ACME, { 'x-api-key': 'guessed' })).request,
      (await told('k', ACME, KEY, {}, ['credentials.create', {}, {}, { secret: 'other' }])).request,
      admin.request,
      (await given({ gatewaysKey: 'another' }).told('k', { kind: 'admin' })).request,
    ];
    expect(new Set([request, ...others]).size).toBe(5);
  });

  test('takes its share of the memory with all of its tenant', async () => {
    const { told } = given();
    expect((await told('k', ACME, KEY)).holder).toBe((await told('l', { ...ACME, keyId: 'key-2' }, KEY)).holder);
    expect((await told('k', { kind: 'anonymous' })).holder).not.toBe((await told('k', { kind: 'admin' })).holder);
  });

  test('whose name stands for another request is refused alone, of many that are named in one call', async () => {
    const name = (await given().told('used', ACME, KEY)).name;
    const { ask, calls } = given({ conflict: [name] });
    const answers = await Promise.allSettled(['a', 'used', 'b'].map((key) => ask(key, ACME, KEY)));
    expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(answers[1]).toMatchObject({ reason: { code: 'request.idempotency_conflict' } });
    expect(calls).toHaveLength(1);
  });

  test('that an older tenant-service knows nothing of is one for later, not a path that its client got wrong', async () => {
    const { ask } = given({ refusal: new Refusal('request.unknown_path', 'There is no /internal/commands.') });
    const answers = await Promise.allSettled(['a', 'b'].map((key) => ask(key, ACME, KEY)));
    for (const answer of answers) expect(answer).toMatchObject({ reason: { code: 'service.unavailable' } });
  });
});
