import type { JournalStore, Warehouse } from '@convergence/ports';
import { aJournalRow, journalStorePromises, journalTable, type LocalCloud, startLocalCloud } from '@convergence/testing';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { hostsFrom } from '../endpoints.ts';
import { googleWarehouse } from '../warehouse/google-warehouse.ts';
import { googleJournalStore } from './google-journal-store.ts';

let cloud: LocalCloud;
let warehouse: Warehouse;
const stores: JournalStore[] = [];
const config = () => ({ project: 'test-project', location: 'US', hosts: hostsFrom(cloud.env) });

beforeAll(async () => {
  cloud = await startLocalCloud();
  warehouse = googleWarehouse(config());
  await warehouse.createDataset('tenants', { location: 'US', description: 'test' });
}, 60_000);
afterAll(async () => {
  await Promise.all(stores.map((s) => s.close()));
  await warehouse?.close();
  await cloud?.stop();
}, 30_000);

let tables = 0;
async function freshStore(): Promise<JournalStore> {
  const name = `journal_${++tables}`;
  await warehouse.createTable('tenants', journalTable(name));
  const store = googleJournalStore(config(), warehouse, { dataset: 'tenants', name });
  stores.push(store);
  return store;
}

describe('the journal by Storage Write keeps the promises of the port', () => {
  for (const [promise, keep] of Object.entries(journalStorePromises)) {
    test(promise, async () => keep(await freshStore()));
  }
});

describe('the journal by Storage Write', () => {
  test('an acknowledged append survives kill -9; one during the absence is Transient, and its resend is no double', async () => {
    const store = await freshStore();
    const stream = await store.createStream();
    expect(await store.append(stream, 0, [aJournalRow(1)])).toBe('appended');
    await cloud.kill();
    await expect(store.append(stream, 1, [aJournalRow(2)])).rejects.toMatchObject({ name: 'Transient' });
    await cloud.start();
    let outcome: string | undefined;
    for (let tries = 0; outcome === undefined && tries < 50; tries += 1) {
      outcome = await store.append(stream, 1, [aJournalRow(2)]).catch(() => undefined);
      if (!outcome) await new Promise((resolve) => setTimeout(resolve, 200));
    }
    expect(['appended', 'already']).toContain(outcome);
    expect(await store.finalize(stream)).toBe(2);
  }, 60_000);

  test('a row with what stands between rows and columns when they are read is not sent', async () => {
    const store = await freshStore();
    const stream = await store.createStream();
    for (const row of [aJournalRow(1, { subject: 'a\tb' }), aJournalRow(1, { trace_id: 'a\nb' })]) {
      await expect(store.append(stream, 0, [row])).rejects.toThrow('control character');
    }
    expect(await store.finalize(stream)).toBe(0);
  });
});
