import { type GoogleConfig, googleWarehouse } from '@convergence/google';
import type { Warehouse } from '@convergence/ports';
import { type Credential, StepFailure } from '@convergence/steps';

/**
 * Warehouses with a tenant's own service account, in its own project. Made for the step that asks, and closed by whoever asked;
 * the key lives only in that client. A BigQuery on this machine takes no keys, and is shown none: there it is the person at the machine who asks.
 */
export function tenantWarehouses(google: GoogleConfig): (credential: Credential) => Warehouse {
  return (credential) => {
    const { project_id, ...credentials } = serviceAccountOf(credential);
    const project = credential.project_id ?? project_id;
    if (!project) throw notAnAccount();
    return googleWarehouse({ ...google, project, credentials, token: undefined });
  };
}

/** The service account that a tenant stored. */
export function serviceAccountOf({ secret }: Credential): { client_email: string; private_key: string; project_id: string | undefined } {
  const { client_email, private_key, project_id } = accountOf(secret.service_account_json ?? secret);
  if (typeof client_email !== 'string' || typeof private_key !== 'string') throw notAnAccount();
  return { client_email, private_key, project_id: typeof project_id === 'string' ? project_id : undefined };
}

const notAnAccount = (): StepFailure =>
  new StepFailure('credential', 'credential.shape', 'The GCP credential is no service account key.', {
    hint: 'Store the JSON key of a service account: it has client_email, private_key and project_id.',
  });

function accountOf(key: unknown): { readonly client_email?: unknown; readonly private_key?: unknown; readonly project_id?: unknown } {
  if (typeof key !== 'string') return Object(key);
  try {
    return Object(JSON.parse(key));
  } catch {
    // The parser's words would quote the key.
    return {};
  }
}
