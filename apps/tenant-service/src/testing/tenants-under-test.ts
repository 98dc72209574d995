/**
 * A whole tenant-service in this process, over fakes of its ports, on a port of its own. `restart` is a crash: the process's memory is
 * gone, journal, owners and tables stay.
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Principal, SCOPES, type Scope, type ServiceName, type TenantId } from '@convergence/contracts';
import type { Keys } from '@convergence/ports';
import { type InternalClient, internalClient, startService, TokenSigner } from '@convergence/service';
import { openSlice } from '@convergence/slice';
import {
  type FakeBus,
  type FakeCheckpointTables,
  type FakeJournalStore,
  type FakeWarehouse,
  fakeBus,
  fakeCheckpointTables,
  fakeJournalStore,
  fakeKeys,
  fakeOwnerStore,
  fakeWarehouse,
  keptLog,
  type VirtualClock,
  virtualClock,
} from '@convergence/testing';
import { checkConfig, tenantFields } from '../config.ts';
import { tenantsDefinition } from '../definition.ts';
import { type Mailer, mailer } from '../mail/mailer.ts';
import { tenantService } from '../service.ts';
import type { TenantsSlice } from '../tenants-slice.ts';

export const STRIPE_SECRET = 'whsec_test_secret';
const KEY = 'a-signing-key-for-tests-that-is-long-enough';

export interface TenantsUnderTest {
  readonly bus: FakeBus;
  readonly clock: VirtualClock;
  readonly warehouse: FakeWarehouse;
  readonly tables: FakeCheckpointTables;
  readonly journal: FakeJournalStore;
  readonly mail: Mailer;
  readonly keys: Keys;
  slice(): TenantsSlice;
  /** As the named service, on behalf of `principal`. */
  ask<T = never>(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, options?: AskOptions): Promise<T>;
  mails(): Promise<string[]>;
  url(): string;
  restart(): Promise<void>;
  close(): Promise<void>;
}
export interface AskOptions {
  readonly as?: Principal;
  readonly from?: ServiceName;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

export const ADMIN: Principal = { kind: 'admin' };
export const ANYONE: Principal = { kind: 'anonymous' };
export const ownerOf = (tenantId: string, scopes: readonly Scope[] = SCOPES): Principal => ({
  kind: 'tenant',
  tenantId: tenantId as TenantId,
  keyId: 'k',
  scopes,
});

export async function startTenants(env: Record<string, string> = {}): Promise<TenantsUnderTest> {
  const outbox = await mkdtemp(join(tmpdir(), 'tenants-outbox-'));
  const bus = fakeBus();
  const clock = virtualClock();
  const warehouse = fakeWarehouse();
  warehouse.answer(/^DELETE FROM tenant_usage_quotas/, { affectedRows: 0 });
  const journal = fakeJournalStore();
  const owners = fakeOwnerStore('tenants');
  const keys = fakeKeys();
  const mail = mailer({ smtpUrl: undefined, from: 'test@convergence.example', outbox });
  const definition = tenantsDefinition('2026-01-01');
  const everything = Object.fromEntries(definition.tables.flatMap((t) => (t.loadWhere ? [[t.loadWhere, () => true]] : [])));
  const tables = fakeCheckpointTables(everything, owners);
  let slice: TenantsSlice;
  let clients: Map<ServiceName, InternalClient>;
  let stop: () => Promise<unknown>;
  let baseUrl = '';
  let starts = 0;

  async function start(): Promise<void> {
    starts += 1;
    slice = await openSlice({
      definition,
      journal,
      owners,
      tables,
      bus,
      clock,
      instance: `tenants-${starts}`,
      checkpointSeconds: 3600,
      refreshSeconds: 3600,
      log: keptLog(),
    });
    const service = await startService({
      name: 'tenant-service',
      fields: tenantFields,
      check: checkConfig,
      env: {
        PORT: '0',
        HOST: '127.0.0.1',
        LOG_LEVEL: 'silent',
        INTERNAL_SIGNING_KEY: KEY,
        DRYRUN_WAIT_SECONDS: '0',
        STRIPE_WEBHOOK_SECRET: STRIPE_SECRET,
        PUBSUB_EMULATOR_HOST: '127.0.0.1:1',
        BIGQUERY_EMULATOR_HOST: '127.0.0.1:1',
        BIGQUERY_STORAGE_EMULATOR_HOST: '127.0.0.1:1',
        KMS_EMULATOR_HOST: '127.0.0.1:1',
        ...env,
      },
      build: (context) =>
        tenantService(context, {
          slice,
          bus,
          keys,
          warehouse,
          clock,
          mailer: mail,
          instance: `tenants-${starts}`,
        }),
    });
    baseUrl = `http://127.0.0.1:${service.port}`;
    stop = () => service.stop();
    clients = new Map();
  }
  const clientOf = (from: ServiceName): InternalClient => {
    const client =
      clients.get(from) ?? internalClient({ target: 'tenant-service', baseUrl, signer: new TokenSigner(from, { keys: [KEY] }) });
    clients.set(from, client);
    return client;
  };
  await start();
  return {
    bus,
    clock,
    warehouse,
    tables,
    journal,
    mail,
    keys,
    slice: () => slice,
    url: () => baseUrl,
    ask: <T>(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, { as = ADMIN, from = 'gateway', body, headers }: AskOptions = {}) =>
      clientOf(from).call<T>({
        method,
        path: path.startsWith('/internal') ? path : `/api/v1${path}`,
        principal: as,
        ...(body !== undefined && { body }),
        ...(headers && { headers }),
        timeoutMs: 20_000,
      }),
    async mails() {
      const files = (await readdir(outbox).catch(() => [])).filter((name) => name.endsWith('.eml'));
      return Promise.all(files.map((name) => readFile(join(outbox, name), 'utf8')));
    },
    async restart() {
      await stop();
      await start();
    },
    async close() {
      await stop();
      await rm(outbox, { recursive: true, force: true });
    },
  };
}

export const acmeBody = (over: Record<string, unknown> = {}) => ({
  tenant_id: 'acme_corp',
  company_name: 'Acme Corp',
  admin_email: 'admin@acme.test',
  ...over,
});
