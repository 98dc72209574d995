/** What Azure Storage refuses, in words for who can do something about it. */
import { changed, StepFailure } from '@convergence/steps';
import { gone, notForeseen } from './below-folder.ts';

export interface AzureRefusal {
  readonly status: number;
  /** Azure's own word. */
  readonly code: string | undefined;
  readonly account: string;
  readonly container: string;
  /** Undefined: the list. */
  readonly object: string | undefined;
}

export function azureRefused({ status, code = '', account, container, object }: AzureRefusal): Error {
  const what = object ?? `the container ${container}`;
  if (/^KeyVault|CustomerSpecifiedEncryption/.test(code))
    return new StepFailure('permission', 'object.encrypted', `${what} is encrypted with a key that can not be used.`, {
      hint: 'Let the storage account use its key in Key Vault again; what was written with a key of its writer can not be read.',
    });
  if (status === 401)
    return new StepFailure('credential', 'object.credential', 'Azure Storage does not take the AZURE credential.', {
      hint: `Its app must be of the directory (tenant_id) that ${account} belongs to.`,
    });
  if (code === 'AccountIsDisabled')
    return new StepFailure('permission', 'object.access_denied', `The storage account ${account} is disabled.`, {
      hint: 'Enable its subscription.',
    });
  if (code === 'AuthorizationFailure' || code === 'IpAuthorizationError')
    return new StepFailure('permission', 'object.access_denied', `The storage account ${account} does not let us in.`, {
      hint: 'Its firewall must allow this network, and the app needs the role Storage Blob Data Reader.',
    });
  if (status === 403)
    return new StepFailure('permission', 'object.access_denied', `The app of the AZURE credential may not read ${what}.`, {
      hint: `Give it the role Storage Blob Data Reader on ${container} or ${account}; it takes some minutes to count.`,
    });
  if (code === 'BlobArchived' || code === 'BlobBeingRehydrated')
    return new StepFailure('source_not_ready', 'object.archived', `${what} lies in the archive tier and can not be read.`, {
      hint: 'Rehydrate it to the hot or cool tier, then run this again; or archive exports later.',
    });
  if (status === 412) return changed(what);
  if (status === 404 && object !== undefined && code !== 'ContainerNotFound') return gone(object);
  if (status === 404)
    return new StepFailure('source_not_ready', 'object.not_found', `There is no container ${container} in ${account}.`, {
      hint: 'Check its name.',
    });
  return notForeseen('Azure Storage', status, code);
}
