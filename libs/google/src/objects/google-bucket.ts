/**
 * Objects of a bucket in Cloud Storage, by its JSON API: listed page by page, and saved to files.
 *
 * 1. What may pass by itself (429, 5xx, no answer) is Transient; what Cloud Storage refuses is BucketRefused with its status.
 * 2. A bucket on this machine (`endpoint`) takes no keys, and is shown none. 3. Only reading is asked for. 4. A key signs in at Google, whatever
 * place of tokens its file names. 5. An object is saved as it was listed, or not at all.
 */
import { createPrivateKey } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { Transient } from '@convergence/contracts';
import { JWT } from 'google-auth-library';

export class BucketRefused extends Error {
  override readonly name = 'BucketRefused';
  /** 401: the key; 403: its rights; 404: no such bucket or object; 412: the object is another by now. */
  readonly status: number;
  constructor(status: number, message: string, cause?: unknown) {
    super(message, { cause });
    this.status = status;
  }
}

export interface BucketObject {
  readonly name: string;
  readonly bytes: number;
  /** Another for each content that the name had. */
  readonly generation: string;
}
export interface GoogleBucket {
  /** Page by page. */
  list(prefix: string, signal: AbortSignal): AsyncIterable<readonly BucketObject[]>;
  save(object: Pick<BucketObject, 'name' | 'generation'>, path: string, signal: AbortSignal): Promise<void>;
}

const SCOPE = 'https://www.googleapis.com/auth/devstorage.read_only';
const GOOGLE = 'https://storage.googleapis.com';

export function googleBucket(options: {
  readonly bucket: string;
  readonly account: () => Promise<{ readonly client_email: string; readonly private_key: string }>;
  readonly endpoint?: string | undefined;
  /** Tests look at what would go to Google. */
  readonly fetch?: typeof fetch;
}): GoogleBucket {
  const fetch = options.fetch ?? globalThis.fetch;
  const root = `${options.endpoint ?? GOOGLE}/storage/v1/b/${encodeURIComponent(options.bucket)}/o`;
  let signedIn: Promise<JWT> | undefined;

  async function token(): Promise<string | undefined> {
    if (options.endpoint !== undefined) return undefined;
    signedIn ??= options.account().then(({ client_email, private_key }) => {
      mustBeAKey(private_key);
      return new JWT({ email: client_email, key: private_key, scopes: [SCOPE], transporterOptions: { fetchImplementation: fetch } });
    });
    const client = await signedIn;
    try {
      return (await client.getAccessToken()).token ?? undefined;
    } catch (cause) {
      const status = Number((cause as { response?: { status?: unknown } }).response?.status ?? 0);
      const refused = status >= 400 && status < 500 && status !== 429;
      throw refused ? new BucketRefused(401, 'Google does not take the key.', cause) : new Transient('Google does not sign in.', { cause });
    }
  }

  async function ask(url: string, signal: AbortSignal): Promise<Response> {
    const bearer = await token();
    let response: Response;
    try {
      response = await fetch(url, {
        headers: bearer === undefined ? {} : { authorization: `Bearer ${bearer}` },
        redirect: 'error',
        signal,
      });
    } catch (cause) {
      signal.throwIfAborted();
      throw new Transient('Cloud Storage can not be reached.', { cause });
    }
    if (response.ok) return response;
    await response.body?.cancel();
    const after = Number(response.headers.get('retry-after')) || undefined;
    if (response.status === 429 || response.status >= 500)
      throw new Transient(`Cloud Storage answered ${response.status}.`, after === undefined ? {} : { retryAfterSeconds: after });
    throw new BucketRefused(response.status, `Cloud Storage answered ${response.status}.`);
  }

  return {
    async *list(prefix, signal) {
      let page: string | undefined;
      do {
        const query = new URLSearchParams({
          prefix,
          fields: 'items(name,size,generation),nextPageToken',
          ...(page && { pageToken: page }),
        });
        const answer: Response = await ask(`${root}?${query}`, signal);
        const { items = [], nextPageToken } = (await answer.json()) as {
          items?: { name: string; size: string; generation: string }[];
          nextPageToken?: string;
        };
        yield items.map(({ name, size, generation }) => ({ name, bytes: Number(size), generation }));
        page = nextPageToken;
      } while (page);
    },
    async save({ name, generation }, path, signal) {
      const query = new URLSearchParams({ alt: 'media', ifGenerationMatch: generation });
      const { body } = await ask(`${root}/${encodeURIComponent(name)}?${query}`, signal);
      try {
        await pipeline(body ? Readable.fromWeb(body as ReadableStream) : Readable.from([]), createWriteStream(path), { signal });
      } catch (cause) {
        signal.throwIfAborted();
        // Of this machine's disk.
        if (['open', 'write'].includes((cause as { syscall?: string }).syscall ?? '')) throw cause;
        throw new Transient(`Cloud Storage broke off within ${name}.`, { cause });
      }
    },
  };
}

function mustBeAKey(pem: string): void {
  try {
    createPrivateKey(pem);
  } catch {
    // The parser's words are of no use to who stored it.
    throw new BucketRefused(401, 'The key of the service account can not be read.');
  }
}
