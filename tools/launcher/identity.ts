/** Who each process is to local-cloud, which knows callers by tokens that the key in its data folder signed. */
import { openIdentity, tokenFor } from '../../apps/local-cloud/src/identity/index.ts';
// By its path: the whole of contracts takes half a second to load.
import { SERVICES, serviceAccount } from '../../libs/contracts/src/principal.ts';
import type { Secrets } from './plan.ts';

/** Longer than any terminal stays open; whoever can read a token can read the key beside it. */
const YEAR_SECONDS = 365 * 86_400;
/** What local-cloud calls the person at the machine: provisioning and sample data act for them. */
const OWNER = 'owner@local-cloud';

export async function mintTokens(dataDir: string, project = 'convergence-local'): Promise<Secrets['token']> {
  // Makes the key when the folder is new.
  openIdentity({ dataDir });
  const subjects = { owner: OWNER, ...Object.fromEntries(SERVICES.map((service) => [service, serviceAccount(project, service)])) };
  const minted = new Map<string, string>();
  for (const [name, subject] of Object.entries(subjects)) minted.set(name, await tokenFor(subject, { dataDir, ttlSeconds: YEAR_SECONDS }));
  return (name) => {
    const token = minted.get(name);
    if (!token) throw new Error(`${name} has no account`);
    return token;
  };
}
