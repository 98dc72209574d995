import { googleWarehouse, hostsFrom } from '@convergence/google';
import { provisionOwner, warehouseOwnerStore } from '@convergence/journal';
import type { TableSpec, Warehouse } from '@convergence/ports';
import { warehouseTables } from '@convergence/slice';
import { checkpointed, sliceOwners } from '@convergence/tables';
import { checkpointTablesPromises, type LocalCloud, ownerStorePromises, samplesTable, startLocalCloud } from '@convergence/testing';
import { afterAll, beforeAll, describe, test } from '@jest/globals';

let cloud: LocalCloud;
let warehouse: Warehouse;
let datasets = 0;

beforeAll(async () => {
  cloud = await startLocalCloud();
  warehouse = googleWarehouse({ project: 'test-project', location: 'US', hosts: hostsFrom(cloud.env) });
}, 60_000);
afterAll(async () => {
  await warehouse?.close();
  await cloud?.stop();
}, 30_000);

/** A dataset with these tables and a fresh row for the slice `tenants`. */
async function freshDataset(...tables: readonly TableSpec[]): Promise<string> {
  const dataset = `stores_${++datasets}`;
  await warehouse.createDataset(dataset, { location: 'US', description: 'test' });
  for (const table of [sliceOwners, ...tables]) await warehouse.createTable(dataset, table);
  await provisionOwner(warehouse, dataset, 'tenants');
  await provisionOwner(warehouse, dataset, 'tenants');
  return dataset;
}

describe('owners in the warehouse keep the promises of the port', () => {
  for (const [promise, keep] of Object.entries(ownerStorePromises)) {
    test(promise, async () => keep(warehouseOwnerStore(warehouse, await freshDataset())), 30_000);
  }
});

describe('checkpoint tables in the warehouse keep the promises of the port', () => {
  for (const [promise, keep] of Object.entries(checkpointTablesPromises)) {
    test(promise, async () => {
      const dataset = await freshDataset(checkpointed(samplesTable.spec));
      await warehouseOwnerStore(warehouse, dataset).takeOver('tenants', 0, 'me');
      await keep({
        tables: warehouseTables(warehouse, dataset),
        epoch: 1,
        async edit(change) {
          const set = Object.entries(change).map(([column, value]) => `\`${column}\` = ${JSON.stringify(value)}`);
          await warehouse.run({ sql: `UPDATE ${dataset}.samples SET ${set.join(', ')} WHERE id = 'a'` });
        },
      });
    }, 30_000);
  }
});
