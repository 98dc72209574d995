/** The owners of slices by the warehouse's conditional UPDATEs, on local-cloud: the promises that the fake keeps. */
import { provisionOwner, warehouseOwnerStore } from '@convergence/journal';
import { type LocalCloud, ownerStorePromises, startLocalCloud } from '@convergence/testing';
import { afterAll, beforeAll, describe, test } from '@jest/globals';
import { type Cell, provisionedCell } from './testing/tenant-service-process.ts';

let cloud: LocalCloud;
let cell: Cell;

beforeAll(async () => {
  cloud = await startLocalCloud();
  cell = await provisionedCell(cloud.env);
}, 60_000);
afterAll(async () => {
  await cell?.close();
  await cloud?.stop();
});

describe('the owners of slices in the warehouse keep the promises of the port', () => {
  for (const [promise, keep] of Object.entries(ownerStorePromises)) {
    test(promise, async () => {
      await cell.sql("DELETE FROM tenants.slice_owners WHERE slice = 'tenants'");
      await provisionOwner(cell.warehouse, 'tenants', 'tenants');
      await keep(warehouseOwnerStore(cell.warehouse, 'tenants'));
    }, 30_000);
  }
});
