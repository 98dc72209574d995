/**
 * Who may use a dataset or a table.
 *
 * 1. Adds only what is missing. 2. What others grant at the same time stays: a change holds only for the state that was read, and is worked
 * out again where that is no more.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Warehouse } from '@convergence/ports';
import { verdictOf } from './errors.ts';
import { backoff, type Rest } from './rest.ts';

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

interface Dataset {
  readonly etag?: string;
  readonly access?: readonly Access[];
}
const ATTEMPTS = 8;

export function grantOf(rest: Rest, path: (dataset: string, table?: string) => string): Warehouse['grant'] {
  return async ({ dataset, table }, right, accounts) => {
    const attempt = () =>
      table === undefined
        ? grantOnDataset(rest, path(dataset), ON_DATASET[right], accounts)
        : grantOnTable(rest, path(dataset, table), ON_TABLE[right], accounts);
    for (let number = 1; ; number += 1) {
      try {
        // Also when the first change was made and its answer lost: then nothing is missing at the next look.
        return (await attempt()) || number > 1;
      } catch (cause) {
        if (number === ATTEMPTS || !isChangedMeanwhile(cause)) throw cause;
        await sleep(backoff(number, 50));
      }
    }
  };
}

/** 412 for an etag that is no more, 409 where a policy changed under way. */
function isChangedMeanwhile(error: unknown): boolean {
  const { status } = verdictOf((error as Error).cause);
  return status === 412 || status === 409;
}

async function grantOnDataset(rest: Rest, at: string, role: string, accounts: readonly string[]): Promise<boolean> {
  const { access = [], etag } = await rest.patiently<Dataset>('GET', at);
  const missing = accounts.filter((account) => !access.some((entry) => entry.role === role && entry.userByEmail === account));
  if (missing.length === 0) return false;
  const added = missing.map((userByEmail) => ({ role, userByEmail }));
  await rest.patiently('PATCH', at, { access: [...access, ...added] }, {}, etag === undefined ? {} : { 'if-match': etag });
  return true;
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
