import { type GoogleConfig, googleWarehouse } from '@convergence/google';
import type { Warehouse } from '@convergence/ports';
import { type Credential, StepFailure } from '@convergence/steps';

/**
 * Warehouses with a tenant's own service account, in its own project. Made for the step that asks, and closed by whoever asked;
 * the key lives only in that client. Where BigQuery is on this machine the account's e-mail is all that there is to show.
 */
export function tenantWarehouses(google: GoogleConfig): (credential: Credential) => Warehouse {
  return (credential) => {
    const key = (credential.secret.service_account_json ?? credential.secret) as Record<string, unknown> | string;
    const account = (typeof key === 'string' ? JSON.parse(key) : key) as {
      client_email?: unknown;
      private_key?: unknown;
      project_id?: unknown;
    };
    const project = credential.project_id ?? (typeof account.project_id === 'string' ? account.project_id : undefined);
    if (!project || typeof account.client_email !== 'string' || typeof account.private_key !== 'string')
      throw new StepFailure('credential', 'credential.shape', 'The GCP credential is no service account key.', {
        hint: 'Store the JSON key of a service account: it has client_email, private_key and project_id.',
      });
    return googleWarehouse({ ...google, project });
  };
}
