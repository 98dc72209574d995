/**
 * Blobs of a container in Azure Storage, by its REST API with a token of Entra ID.
 *
 * 1. Where requests go follows from the account's name alone. 2. A blob is read as it was listed (If-Match), or not at all.
 */
import { StepFailure } from '@convergence/steps';
import { azureRefused } from './azure-refusals.ts';
import type { ListedObjects } from './below-folder.ts';
import { busy, cutShort, type Line, patiently, save, send, textFrom } from './exchange.ts';
import { strictly, strictQuery } from './sigv4.ts';
import { elements, textOf, unescaped } from './xml.ts';

const VERSION = '2021-12-02';
export const AZURE_SCOPE = 'https://storage.azure.com/.default';
export const AZURE_ACCOUNT = /^[a-z0-9]{3,24}$/;
export const AZURE_CONTAINER = /^(\$(web|logs|root)|[a-z0-9](-?[a-z0-9]){2,62})$/;

export interface AzureOptions {
  readonly account: string;
  readonly container: string;
  readonly line: Line;
  readonly token: (signal: AbortSignal) => Promise<string>;
  /** Azure Storage on this machine, for tests. */
  readonly endpoint: string | undefined;
}

export function azureObjects({ account, container, line, token, endpoint }: AzureOptions): ListedObjects {
  const root = `${endpoint === undefined ? `https://${account}.blob.core.windows.net` : `${endpoint}/${account}`}/${container}`;

  async function ask(
    object: string | undefined,
    query: Readonly<Record<string, string>>,
    more: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Response> {
    // A slash in a name may be written either way; so written, no part of it is taken for a step up.
    const url = new URL(object === undefined ? root : `${root}/${strictly(object)}`);
    url.search = strictQuery(query);
    const headers = {
      ...more,
      authorization: `Bearer ${await token(signal)}`,
      'x-ms-version': VERSION,
      'x-ms-date': new Date(line.clock.now()).toUTCString(),
    };
    const response = await send(line, url, { headers }, signal).catch((failure: unknown) => {
      throw isNowhere(failure) ? noAccount(account) : failure;
    });
    if (response.ok) return response;
    const code = response.headers.get('x-ms-error-code') ?? textOf(await textFrom(line, response, signal), 'Code');
    await response.body?.cancel().catch(() => undefined);
    throw busy(line, response, code) ?? azureRefused({ status: response.status, code, account, container, object });
  }

  return {
    async *list(prefix, signal) {
      for (let page: string | undefined = ''; page !== undefined; ) {
        const query = { restype: 'container', comp: 'list', prefix, ...(page && { marker: page }) };
        const xml: string = await patiently(line, signal, async () => {
          const text = await textFrom(line, await ask(undefined, query, {}, signal), signal);
          if (!text.includes('</EnumerationResults>')) throw cutShort(line, 'the list');
          return text;
        });
        // A storage account with folders of its own lists those too.
        yield elements(xml, 'Blob')
          .filter(({ inner }) => textOf(inner, 'ResourceType') !== 'directory')
          .map(({ inner }) => ({
            name: nameOf(inner),
            bytes: Number(textOf(inner, 'Content-Length')),
            etag: quoted(textOf(inner, 'Etag')),
          }));
        page = textOf(xml, 'NextMarker');
      }
    },
    save: (object, path, signal) =>
      patiently(line, signal, async () =>
        save(line, await ask(object.name, {}, { 'if-match': object.etag }, signal), object, path, signal),
      ),
  };
}

/** What XML can not hold is percent-encoded, and says so. */
function nameOf(blob: string): string {
  const [name] = elements(blob, 'Name');
  const text = unescaped(name?.inner ?? '');
  return /\bEncoded="true"/i.test(name?.attributes ?? '') ? decodeURIComponent(text) : text;
}

const quoted = (etag = ''): string => (etag.startsWith('"') ? etag : `"${etag}"`);

function isNowhere(failure: unknown): boolean {
  for (let at = failure; at instanceof Error; at = at.cause) if ((at as { code?: unknown }).code === 'ENOTFOUND') return true;
  return false;
}

const noAccount = (account: string): StepFailure =>
  new StepFailure('source_not_ready', 'object.not_found', `There is no storage account ${account}.`, { hint: 'Check its name.' });
