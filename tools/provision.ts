/**
 * Makes whatever a cell needs and lacks: topics, subscriptions, datasets, tables, views, rows of slice_owners, keys. Run it as often as
 * you like, before the services start; it drops and changes nothing that is there.
 *
 *   node tools/provision.ts
 */
import { defaultKeks, type GoogleConfig, googleBus, googleKeys, googleWarehouse, hostsFrom } from '@convergence/google';
import { provisionOwner } from '@convergence/journal';
import { provisionTables, SLICES } from '@convergence/tables';

export interface Cell {
  readonly google: GoogleConfig;
  readonly dataset: string;
  readonly keks: ReturnType<typeof defaultKeks>;
}

/** Names of what was made now. */
export async function provision(cell: Cell): Promise<string[]> {
  const { google, dataset } = cell;
  const bus = googleBus(google);
  const warehouse = googleWarehouse(google);
  const keys = googleKeys(google, { keks: cell.keks });
  try {
    const tables = async () => {
      const made = await provisionTables({ warehouse, dataset, location: google.location });
      for (const slice of Object.values(SLICES)) {
        if (await provisionOwner(warehouse, dataset, slice)) made.push(`slice ${slice}`);
      }
      return made;
    };
    return (await Promise.all([bus.provision(), keys.provision(), tables()])).flat();
  } finally {
    await Promise.allSettled([bus.close(), warehouse.close(), keys.close()]);
  }
}

export function cellFrom(env: Readonly<Record<string, string | undefined>>): Cell {
  const google: GoogleConfig = {
    project: env.GCP_PROJECT_ID || 'convergence-local',
    location: env.BIGQUERY_LOCATION || 'US',
    hosts: hostsFrom(env),
    token: env.LOCAL_CLOUD_TOKEN || undefined,
  };
  const keks = defaultKeks(google);
  return {
    google,
    dataset: env.TENANTS_DATASET || 'tenants',
    keks: { 'api-keys': env.API_KEYS_KMS_KEY || keks['api-keys'], credentials: env.CREDENTIALS_KMS_KEY || keks.credentials },
  };
}

if (import.meta.main) {
  const made = await provision(cellFrom(process.env));
  console.log(made.length === 0 ? 'provisioned: nothing was missing' : `provisioned: ${made.join(', ')}`);
}
