/** What clients named, as gateways ask for it. */
import type { NameCommandsResponse } from '@convergence/contracts';
import { sampleRun } from '@convergence/testing';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { ANYONE, acmeBody, startTenants, type TenantsUnderTest } from '../testing/tenants-under-test.ts';

let service: TenantsUnderTest;
beforeEach(async () => {
  service = await startTenants();
  await service.ask('POST', '/tenants/onboard', { as: ANYONE, body: acmeBody({ run_dryrun: false }) });
});
afterEach(() => service.close());

const nameOf = (n: number) => `00000000-0000-5000-8000-${String(n).padStart(12, '0')}`;
const named = async (...asked: [n: number, request: string][]) => {
  const commands = asked.map(([n, request]) => ({ name: nameOf(n), request, holder: 'tenant acme_corp' }));
  return (await service.ask<NameCommandsResponse>('POST', '/internal/commands', { body: { commands } })).commands;
};

test('are the same for every gateway, over crashes and checkpoints, with the run that they came to', async () => {
  const [first] = await named([1, 'a'], [2, 'b']);
  const command = first?.command ?? '';
  const run = sampleRun(1, { tenant_id: 'acme_corp' });
  await service.ask('POST', '/internal/admissions', { body: { runs: [run], commands: { [run.run_id]: command } } });
  await service.ask('POST', '/internal/commands/made', { from: 'scheduler-service', body: { command, made: 'something else' } });
  const known = [
    { command, made: run.run_id, named_at: first?.named_at },
    { command: null, made: null, named_at: null },
  ];
  const asked = () => named([1, 'a'], [2, 'another']);
  expect(await asked()).toEqual(known);
  await service.restart();
  expect(await asked()).toEqual(known);
  await service.slice().checkpoint();
  expect(service.tables.rows('tenant_commands')).toContainEqual(
    expect.objectContaining({ command, request: 'a', holder: 'tenant acme_corp', made: run.run_id, named_at: expect.any(String) }),
  );
  await service.restart();
  expect(await asked()).toEqual(known);
});

test('that are one and come many times at once are one', async () => {
  const commands = await Promise.all(Array.from({ length: 20 }, () => named([1, 'a'])));
  expect(new Set(commands.map(([one]) => one?.command)).size).toBe(1);
});

test.each([
  [
    'credential',
    'credential_id',
    'credentials',
    { provider: 'OPENAI', credential_name: 'n', credentials: { api_key: 'sk-0123456789abcdefaaaa' } },
  ],
  ['provider_config', 'config_id', 'provider-configs', { provider: 'GCP', domain: 'COST' }],
])('a %s that was removed since is not made again by its command', async (what, id, path, body) => {
  const all = `/tenants/acme_corp/${path}`;
  const make = async (): Promise<Record<string, string>> => {
    const [one] = await named([1, 'a']);
    const headers = { 'x-command-id': one?.command ?? '', ...(one?.made && { 'x-command-made': one.made }) };
    return service.ask('POST', all, { body, headers });
  };
  const made = await make();
  expect(await make()).toEqual(made);
  await service.ask('DELETE', `${all}/${made[id]}`);
  await expect(make()).rejects.toMatchObject({ code: `${what}.not_found` });
  expect(await service.ask<{ items: unknown[] }>('GET', all)).toMatchObject({ items: [] });
});

test('no other service names any', async () => {
  const body = { commands: [{ name: nameOf(1), request: 'a', holder: 'x' }] };
  await expect(service.ask('POST', '/internal/commands', { from: 'executor-service', body })).rejects.toThrow('may not call this');
});
