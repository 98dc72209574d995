/**
 * Installs what the shipped templates read on a laptop: a billing export in BigQuery, a FOCUS export as objects. Idempotent: days
 * that are there stay.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { serviceAccount } from '@convergence/contracts';
import { googleWarehouse, hostsFrom } from '@convergence/google';
import type { Warehouse } from '@convergence/ports';
import { SAMPLE_DATASET } from '@convergence/steps';
import { BILLING_EXPORT_COLUMNS, billingDay, daysOf } from './sample-data/billing-export.ts';
import { writeFocusExport } from './sample-data/focus-export.ts';

export const BILLING_TABLE = 'gcp_billing_export';

/** The month that runs, and the one before it, which is complete; the newest first, because yesterday is what people ask for. */
export function sampleMonths(now: number): string[] {
  const today = new Date(now);
  const before = new Date(Date.UTC(today.getUTCFullYear(), today.getUTCMonth() - 1, 1));
  return [today.toISOString().slice(0, 7), before.toISOString().slice(0, 7)];
}

export async function installBillingExport(
  warehouse: Warehouse,
  months: readonly string[],
  location: string,
  options: number | { readonly rowsPerDay?: number; readonly before?: string; readonly daysAtOnce?: number; readonly restMs?: number } = {},
): Promise<number> {
  const {
    rowsPerDay,
    before = '9999-12-31',
    daysAtOnce = 31,
    restMs = 0,
  } = typeof options === 'number' ? { rowsPerDay: options } : options;
  await warehouse.createDataset(SAMPLE_DATASET, { location, description: 'Examples that every pipeline may read.' });
  await warehouse.grant({ dataset: SAMPLE_DATASET }, 'read', [serviceAccount(warehouse.project, 'executor-service')]);
  await warehouse.createTable(SAMPLE_DATASET, {
    name: BILLING_TABLE,
    description: 'A made-up billing export in the form of the detailed one.',
    partitionBy: { column: 'usage_start_time', granularity: 'DAY' },
    clusterBy: ['billing_account_id'],
    columns: BILLING_EXPORT_COLUMNS,
  });
  const folder = await mkdtemp(join(tmpdir(), 'sample-data-'));
  let loaded = 0;
  try {
    for (const month of months) {
      const { rows } = await warehouse.run({
        sql: `SELECT DISTINCT CAST(DATE(usage_start_time) AS STRING) AS day FROM \`${BILLING_TABLE}\` WHERE invoice.month = @month`,
        parameters: { month: { type: 'STRING', value: month.replace('-', '') } },
        defaultDataset: SAMPLE_DATASET,
      });
      const there = new Set(rows.map((row) => row.day));
      const missing = daysOf(month).filter((day) => day < before && !there.has(day));
      while (missing.length > 0) {
        const days = missing.splice(-daysAtOnce);
        const path = join(folder, `${days[0]}.ndjson`);
        const lines = days.flatMap((day) =>
          billingDay(day, { month, until: Date.now(), ...(rowsPerDay !== undefined && { rowsPerDay }) }).map((row) => JSON.stringify(row)),
        );
        await writeFile(path, `${lines.join('\n')}\n`);
        const job = `sample_${days[0]?.replaceAll('-', '')}_${process.pid}_${Date.now()}`;
        loaded += await warehouse.load(SAMPLE_DATASET, BILLING_TABLE, { path, format: 'NEWLINE_DELIMITED_JSON' }, 'append', job);
        await setTimeout(restMs);
      }
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return loaded;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const location = process.env.BIGQUERY_LOCATION ?? 'US';
  const warehouse = googleWarehouse({
    project: process.env.GCP_PROJECT_ID ?? 'convergence-local',
    location,
    hosts: hostsFrom(process.env),
    token: process.env.LOCAL_CLOUD_TOKEN,
  });
  const months = sampleMonths(Date.now());
  for (const month of months) await writeFocusExport(process.env.OBJECTS_DIR ?? '.data/objects', month);
  // Days that have ended; a data folder of last week gets those since. A third of the rows of a real export is enough to look around.
  const rows = await installBillingExport(warehouse, months, location, {
    rowsPerDay: 1_000,
    before: new Date().toISOString().slice(0, 10),
    // Somebody onboards a first tenant meanwhile: local-cloud gets time for that.
    daysAtOnce: 3,
    restMs: 1_000,
  });
  await warehouse.close();
  console.log(rows > 0 ? `sample data: ${rows} rows of a billing export` : 'sample data is there');
}
