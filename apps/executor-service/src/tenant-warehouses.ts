import { type GoogleConfig, googleWarehouse } from '@convergence/google';
import type { Warehouse } from '@convergence/ports';
import { type Credential, StepFailure } from '@convergence/steps';

/**
 * Warehouses with a tenant's own service account, in its own project. Made for the step that asks, and closed by whoever asked;
 * the key lives only in that client. A BigQuery on this machine takes no keys, and is shown none: there it is the person at the machine who asks.
 */
export function tenantWarehouses(google: GoogleConfig): (credential: Credential) => Warehouse {
  return (credential) => {
    const account = accountOf(credential.secret.service_account_json ?? credential.secret);
    const project = credential.project_id ?? (typeof account.project_id === 'string' ? account.project_id : undefined);
    if (!project || typeof account.client_email !== 'string' || typeof account.private_key !== 'string')
      throw new StepFailure('credential', 'credential.shape', 'The GCP credential is no service account key.', {
        hint: 'Store the JSON key of a service account: it has client_email, private_key and project_id.',
      });
    const credentials = { client_email: account.client_email, private_key: account.private_key };
    return googleWarehouse({ ...google, project, credentials, token: undefined });
  };
}

function accountOf(key: unknown): { readonly client_email?: unknown; readonly private_key?: unknown; readonly project_id?: unknown } {
  if (typeof key !== 'string') return Object(key);
  try {
    return Object(JSON.parse(key));
  } catch {
    // The parser's words would quote the key.
    return {};
  }
}
