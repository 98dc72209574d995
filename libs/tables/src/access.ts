/**
 * Who may do what in the central dataset.
 *
 * 1. Each service reads all of it and writes its own tables alone: BigQuery refuses the rest, not only our code. 2. Services are known by
 * their accounts, named after them, in the project that they run in. 3. Nothing is taken away here: what people were granted stays.
 */
import { SERVICES, type ServiceName, serviceAccount } from '@convergence/contracts';
import type { Warehouse } from '@convergence/ports';
import { CENTRAL_TABLES, type CentralTable, SLICES } from './central.ts';

/** The gateway asks the others. */
const READERS = SERVICES.filter((service) => service !== 'gateway');

export function writersOf({ owner }: CentralTable): readonly ServiceName[] {
  if (owner === 'provisioning') return [];
  return owner === 'slices' ? (Object.keys(SLICES) as (keyof typeof SLICES)[]) : [owner];
}

export async function grantCentralAccess(warehouse: Warehouse, dataset: string): Promise<string[]> {
  const accounts = (services: readonly ServiceName[]) => services.map((service) => serviceAccount(warehouse.project, service));
  const granted: string[] = [];
  if (await warehouse.grant({ dataset }, 'read', accounts(READERS))) granted.push(`access to ${dataset}`);
  await Promise.all(
    CENTRAL_TABLES.map(async (central) => {
      const to = { dataset, table: central.table.name };
      if (await warehouse.grant(to, 'write', accounts(writersOf(central)))) granted.push(`access to ${central.table.name}`);
    }),
  );
  return granted;
}
