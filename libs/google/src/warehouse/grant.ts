/** Who may use a dataset or a table. Adds only what is missing; whoever grants is alone in doing so (provisioning, or a dataset's maker). */
import type { Warehouse } from '@convergence/ports';
import type { Rest } from './rest.ts';

interface Access {
  readonly role?: string;
  readonly userByEmail?: string;
}
interface Policy {
  readonly etag?: string;
  readonly bindings?: readonly { readonly role: string; readonly members: readonly string[] }[];
}
const ON_DATASET = { read: 'READER', write: 'WRITER' } as const;
const ON_TABLE = { read: 'roles/bigquery.dataViewer', write: 'roles/bigquery.dataEditor' } as const;

export function grantOf(rest: Rest, path: (dataset: string, table?: string) => string): Warehouse['grant'] {
  return async ({ dataset, table }, right, accounts) => {
    if (table !== undefined) return grantOnTable(rest, path(dataset, table), ON_TABLE[right], accounts);
    const role = ON_DATASET[right];
    const { access = [] } = await rest.patiently<{ access?: readonly Access[] }>('GET', path(dataset));
    const missing = accounts.filter((account) => !access.some((entry) => entry.role === role && entry.userByEmail === account));
    if (missing.length === 0) return false;
    const added = missing.map((userByEmail) => ({ role, userByEmail }));
    await rest.patiently('PATCH', path(dataset), { access: [...access, ...added] });
    return true;
  };
}

async function grantOnTable(rest: Rest, at: string, role: string, accounts: readonly string[]): Promise<boolean> {
  const policy = await rest.patiently<Policy>('POST', `${at}:getIamPolicy`, {});
  const { bindings = [] } = policy;
  const there = new Set(bindings.filter((binding) => binding.role === role).flatMap((binding) => binding.members));
  const missing = accounts.map((account) => `serviceAccount:${account}`).filter((member) => !there.has(member));
  if (missing.length === 0) return false;
  await rest.patiently('POST', `${at}:setIamPolicy`, { policy: { ...policy, bindings: [...bindings, { role, members: missing }] } });
  return true;
}
