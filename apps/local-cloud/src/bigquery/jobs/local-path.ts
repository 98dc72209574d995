/** Which file of this machine a URI means. */
import { resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Caller } from '../../identity/index.ts';
import { ApiError, invalid } from '../errors.ts';
import type { Service } from '../service.ts';

/** A `gs://` object is a file of the objects folder; other files of the machine are for its owner alone. */
export function localPath(service: Service, uri: unknown, caller: Caller): string {
  if (typeof uri !== 'string') throw invalid('Invalid source URI.');
  const object = /^gs:\/\/([^/]+)\/(.+)$/.exec(uri);
  if (object) {
    const path = resolve(service.objects, object[1]!, object[2]!);
    if (!path.startsWith(resolve(service.objects, object[1]!) + sep) || object[1]!.startsWith('.'))
      throw invalid(`Invalid source URI: ${uri}`);
    return path;
  }
  if (!uri.startsWith('file://') && !uri.startsWith('/'))
    throw invalid(`Source URI must be a Google Cloud Storage location or a local file: ${uri}`);
  if (!caller.owner) throw new ApiError('accessDenied', 'Access Denied: only the owner of this machine may name local files.');
  return uri.startsWith('file://') ? fileURLToPath(uri) : uri;
}
