/** Exports in the tenant's own clouds, from outside: onboarded, a credential stored through the API, a shipped template run, its totals compared. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AwsServer, type AzureServer, startAwsServer, startAzureServer } from '@convergence/testing';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { writeFocusExport } from '../tools/sample-data/focus-export.ts';
import { type System, startSystem, until } from './system.ts';

const KEYS = { access_key_id: 'AKIAIOSFODNN7EXAMPLE', secret_access_key: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' };
const OURS = { access_key_id: 'AKIAOURSOURSOURSOURS', secret_access_key: 'ours/ours/ours/ours/ours/ours/ours/ours1' };
const ROLE = 'arn:aws:iam::123456789012:role/reader';
const APP = {
  tenant_id: '11111111-2222-3333-4444-555555555555',
  client_id: '66666666-7777-8888-9999-000000000000',
  client_secret: 'a~secret~of~azure',
};
let system: System;
let aws: AwsServer;
let azure: AzureServer;
let expected: { n: string; total: string };

beforeAll(async () => {
  aws = await startAwsServer({ 'acme-exports': 'eu-central-1' });
  azure = await startAzureServer(['acmecosts/exports']);
  for (const { access_key_id, secret_access_key } of [KEYS, OURS]) aws.keys.set(access_key_id, { secret: secret_access_key });
  aws.roles.set(ROLE, 'by_role:our-reader');
  azure.apps.set(`${APP.tenant_id}/${APP.client_id}`, APP.client_secret);
  expected = await deliver();
  system = await startSystem({
    AWS_EMULATOR_HOST: aws.host,
    AZURE_EMULATOR_HOST: azure.host,
    ASSUME_ROLE_ACCESS_KEY_ID: OURS.access_key_id,
    ASSUME_ROLE_SECRET_ACCESS_KEY: OURS.secret_access_key,
  });
}, 120_000);
afterAll(async () => {
  await system?.stop();
  await aws.close();
  await azure.close();
}, 30_000);

/** The sample export into bucket and container; its rows and sum in billionths, counted from the files that its manifest lists. */
async function deliver(): Promise<{ n: string; total: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'exports-'));
  await writeFocusExport(folder, '2025-11');
  const path = 'focus-export/billing_period=2025-11';
  let [n, total] = [0, 0n];
  for (const name of await readdir(join(folder, path))) {
    const text = await readFile(join(folder, path, name), 'utf8');
    aws.objects.set(`acme-exports/${path}/${name}`, text);
    azure.objects.set(`acmecosts/exports/${path}/${name}`, text);
    if (!/part-000[12]/.test(name)) continue;
    for (const line of text.trim().split('\n').slice(1)) {
      const [, sign, whole, part = ''] = /^(-?)(\d+)(?:\.(\d+))?,/.exec(line) ?? [];
      total += BigInt(`${sign}${whole}${part.padEnd(9, '0')}`);
      n++;
    }
  }
  await rm(folder, { recursive: true });
  return { n: String(n), total: String(total) };
}

test.each([
  ['by_keys', 'AWS', KEYS, 's3://acme-exports/focus-export'],
  ['by_role', 'AWS', { role_arn: ROLE, external_id: 'our-reader', region: 'eu-central-1' }, 's3://acme-exports/focus-export'],
  ['by_app', 'AZURE', APP, 'azure://acmecosts/exports/focus-export'],
])(
  '%s: what an %s credential opens is in the table, to the last digit',
  async (tenant, provider, credentials, from) => {
    const onboarded = await system.request('POST', '/tenants/onboard', {
      body: {
        tenant_id: tenant,
        company_name: 'ACME',
        admin_email: 'admin@acme.example',
        subscription_plan: 'PROFESSIONAL',
        run_dryrun: false,
      },
    });
    const key = onboarded.body.api_key;
    const stored = await system.request('POST', `/tenants/${tenant}/credentials`, {
      key,
      body: { provider, credential_name: 'exports', credentials },
    });
    expect(stored.status).toBe(200);
    const asked = await system.request('POST', `/pipelines/run/${tenant}/aws/example/focus_export`, {
      key,
      body: { month: '2025-11', from },
    });
    expect(asked.status).toBe(200);
    let run: { status: string; error: unknown } = { status: 'none', error: null };
    await until(
      async () => {
        const answer = await system.request('GET', `/pipelines/runs/${asked.body.pipeline_logging_id}`, { key });
        if (answer.status === 200) run = answer.body;
        return ['COMPLETE', 'FAILED', 'CANCELLED'].includes(run.status);
      },
      60_000,
      () => `the run is still ${JSON.stringify(run)}\n${system.output.join('').slice(-4000)}`,
    );
    expect({ status: run.status, error: run.error }).toEqual({ status: 'COMPLETE', error: null });
    const [found] = await system.query(
      `SELECT COUNT(*) AS n, CAST(CAST(SUM(billed_cost) * 1000000000 AS BIGNUMERIC) AS STRING) AS total FROM ${tenant}.aws_raw_focus`,
    );
    expect(found).toEqual(expected);
    const told = JSON.stringify([stored.body, run]) + system.output.join('');
    for (const secret of [KEYS.secret_access_key, OURS.secret_access_key, APP.client_secret]) expect(told).not.toContain(secret);
  },
  90_000,
);
