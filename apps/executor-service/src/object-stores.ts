import { type Credential, folderStore, type ObjectStore, StepFailure } from '@convergence/steps';

const MIRROR = ' Copy the export into such a folder first, manifest included.';
const ELSEWHERE: Readonly<Record<string, string>> = {
  gs: ' BigQuery reads gs:// itself: make an external table over the export, and read that with bigquery.query.',
  s3: MIRROR,
  azure: MIRROR,
};

/** Which store a URI names. */
export function objectStores(
  objectsDir: string,
): (uri: string, credential: (provider: string) => Promise<Credential>) => Promise<ObjectStore> {
  return async (uri) => {
    const [, scheme, rest = ''] = /^([a-z0-9]+):(?:\/\/)?(.*)$/.exec(uri) ?? [];
    if (scheme === 'file') return folderStore(objectsDir, rest);
    throw new StepFailure('schema', 'object.scheme', `Objects can not be read from ${JSON.stringify(uri.slice(0, 100))}.`, {
      hint: `This executor reads file: folders.${ELSEWHERE[scheme ?? ''] ?? ''}`,
    });
  };
}
