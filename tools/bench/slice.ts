/**
 * `npm run bench -- slice [--rows=1000000] [--seconds=10]`: one owner on local-cloud.
 *
 * 1. Latency of a decided and journalled command at 200 a second. 2. Commands a second, with checkpoints every 5 s going on.
 * 3. Recovery of 50 000 entities and a million journal rows after the last checkpoint.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { googleJournalStore, googleWarehouse, hostsFrom } from '@convergence/google';
import { provisionOwner } from '@convergence/journal';
import type { Slice, SliceDefinition } from '@convergence/slice';
import { checkpointed, sliceOwners, tenantJournal } from '@convergence/tables';
import { startLocalCloud } from '@convergence/testing';
import { benchSlice } from './load/bench-slice.ts';

interface Account {
  company: string;
  email: string;
  status: string;
  used: number;
  updated_at: string;
}
type Command = { readonly do: 'open'; readonly id: string } | { readonly do: 'use'; readonly id: string; readonly run: string };
type Event =
  | { readonly type: 'account-opened'; readonly id: string; readonly company: string; readonly email: string }
  | { readonly type: 'used'; readonly id: string; readonly run: string };

const table = {
  name: 'accounts',
  description: 'Accounts',
  clusterBy: ['id'],
  columns: ['id', 'company', 'email', 'status']
    .map((name) => ({ name, type: 'STRING', required: true, description: name }))
    .concat([
      { name: 'used', type: 'INT64', required: true, description: 'used' },
      { name: 'updated_at', type: 'TIMESTAMP', required: true, description: 'updated_at' },
    ]),
};
const accounts: SliceDefinition<Map<string, Account>, Command, Event> = {
  name: 'accounts',
  initial: () => new Map(),
  decide(state, command) {
    if (command.do === 'use') return { events: [{ type: 'used', id: command.id, run: command.run }], reply: state.get(command.id)?.used };
    return {
      events: [{ type: 'account-opened', id: command.id, company: `Company ${command.id}`, email: `${command.id}@example.com` }],
      reply: null,
    };
  },
  apply(state, event, { at }) {
    if (event.type === 'used') {
      const account = state.get(event.id)!;
      account.used += 1;
      account.updated_at = at;
    } else state.set(event.id, { company: event.company, email: event.email, status: 'ACTIVE', used: 0, updated_at: at });
  },
  subject: (event) => event.id,
  outbox: () => [],
  tables: [
    {
      table,
      key: ['id'],
      touches: (event) => [event.id],
      row: (state, id) => state.get(id) && { id, ...state.get(id)! },
      load(state, rows) {
        for (const r of rows) {
          state.set(String(r.id), {
            company: String(r.company),
            email: String(r.email),
            status: String(r.status),
            used: Number(r.used),
            updated_at: String(r.updated_at),
          });
        }
      },
    },
  ],
};

const { values } = parseArgs({ options: { rows: { type: 'string', default: '1000000' }, seconds: { type: 'string', default: '10' } } });
const ROWS = Number(values.rows);
const SECONDS = Number(values.seconds);
const ENTITIES = 50_000;

const cloud = await startLocalCloud();
const config = { project: 'bench', location: 'US', hosts: hostsFrom(cloud.env) };
const warehouse = googleWarehouse(config);
await warehouse.createDataset('tenants', { location: 'US', description: 'bench' });
for (const spec of [sliceOwners, tenantJournal, checkpointed(table)]) await warehouse.createTable('tenants', spec);
await provisionOwner(warehouse, 'tenants', 'accounts');
const journal = googleJournalStore(config, warehouse, { dataset: 'tenants', name: 'tenant_journal' });

const open = (checkpointSeconds: number) => benchSlice({ definition: accounts, warehouse, journal, checkpointSeconds });
type Accounts = Slice<Map<string, Account>, Command>;

const idOf = (n: number) => `tenant_${n % ENTITIES}`;
let uses = 0;
const use = (slice: Accounts) => slice.execute({ do: 'use', id: idOf(uses++ * 7), run: randomUUID() });
const quantiles = (times: number[]): string => {
  times.sort((a, b) => a - b);
  const at = (q: number) => times[Math.floor(times.length * q)]?.toFixed(2);
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${times.at(-1)?.toFixed(1)} ms`;
};
const memory = () => `${Math.round(process.memoryUsage().rss / 1e6)} MB resident`;

let slice: Accounts = await open(5);
for (let from = 0; from < ENTITIES; from += 5_000) {
  await slice.executeMany(Array.from({ length: 5_000 }, (_, i) => ({ do: 'open' as const, id: idOf(from + i) })));
}
let began = performance.now();
await slice.checkpoint();
console.log(`checkpoint of ${ENTITIES} new rows: ${((performance.now() - began) / 1000).toFixed(1)} s`);

const paced: number[] = [];
const asked: Promise<void>[] = [];
began = performance.now();
for (let n = 0; n < SECONDS * 200; n += 1) {
  const due = began + n * 5;
  if (due > performance.now()) await sleep(due - performance.now());
  const sent = performance.now();
  asked.push(use(slice).then(() => void paced.push(performance.now() - sent)));
}
await Promise.all(asked);
console.log(`200 a second: ${quantiles(paced)}`);

for (const concurrency of [64, 512]) {
  const times: number[] = [];
  began = performance.now();
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      while (performance.now() - began < SECONDS * 1000) {
        const sent = performance.now();
        await use(slice);
        times.push(performance.now() - sent);
      }
    }),
  );
  const rate = Math.round(times.length / ((performance.now() - began) / 1000));
  console.log(`${concurrency} callers: ${rate} commands a second, ${quantiles(times)}, ${memory()}`);
}

// A last checkpoint, then a million rows that no checkpoint has, then a successor.
await slice.close();
slice = await open(1e6);
for (let done = 0; done < ROWS; done += 5_000) {
  await slice.executeMany(Array.from({ length: 5_000 }, () => ({ do: 'use' as const, id: idOf(uses++ * 7), run: randomUUID() })));
}
const before = JSON.stringify([...slice.state].sort(([a], [b]) => (a < b ? -1 : 1)));
began = performance.now();
const successor = await open(1e6);
console.log(`recovery of ${ENTITIES} entities and ${ROWS} journal rows: ${((performance.now() - began) / 1000).toFixed(1)} s, ${memory()}`);
const same = before === JSON.stringify([...successor.state].sort(([a], [b]) => (a < b ? -1 : 1)));
console.log(same ? 'the successor has the same state' : 'THE SUCCESSOR HAS ANOTHER STATE');
await cloud.stop();
process.exit(same ? 0 : 1);
