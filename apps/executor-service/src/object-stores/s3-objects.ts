/**
 * Objects of a bucket in Amazon S3, by its REST API with signed requests.
 *
 * 1. Where requests go follows from the bucket's name and its region alone; a region that S3 names is believed once, an address never.
 * 2. An object is read as it was listed (If-Match), or not at all.
 */
import { StepFailure } from '@convergence/steps';
import { type AwsSession, awsHost, REGION } from './aws-session.ts';
import type { ListedObjects } from './below-folder.ts';
import { busy, cutShort, type Line, patiently, save, send, textFrom } from './exchange.ts';
import { s3Refused } from './s3-refusals.ts';
import { sha256, signed, strictly, strictQuery } from './sigv4.ts';
import { elements, textOf } from './xml.ts';

const NO_BODY = sha256('');
export const S3_BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

export interface S3Options {
  readonly bucket: string;
  readonly line: Line;
  readonly session: (signal: AbortSignal) => Promise<AwsSession>;
  /** S3 on this machine, for tests. */
  readonly endpoint: string | undefined;
}

export function s3Objects({ bucket, line, session, endpoint }: S3Options): ListedObjects {
  let region: string | undefined;

  function addressOf(key: string, query: Readonly<Record<string, string>>, at: string): URL {
    // A name with dots fits no certificate as part of a host.
    const inPath = endpoint !== undefined || bucket.includes('.');
    const root = endpoint ?? (inPath ? `https://${awsHost('s3', at)}` : `https://${bucket}.${awsHost('s3', at)}`);
    const url = new URL(`${root}/${inPath ? `${bucket}/` : ''}${key.split('/').map(strictly).join('/')}`);
    url.search = strictQuery(query);
    return url;
  }

  async function ask(
    object: string | undefined,
    query: Readonly<Record<string, string>>,
    more: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Response> {
    for (let moved = false; ; moved = true) {
      const { keys, region: first } = await session(signal);
      const at = region ?? first;
      const url = addressOf(object ?? '', query, at);
      const headers = { ...more, 'x-amz-content-sha256': NO_BODY };
      const proven = signed({ method: 'GET', url, headers }, { service: 's3', region: at }, keys, line.clock.now());
      const response = await send(line, url, { headers: proven }, signal);
      if (response.ok) return response;
      const said = await textFrom(line, response, signal);
      const home = response.headers.get('x-amz-bucket-region') ?? textOf(said, 'Region');
      if (!moved && home && home !== at && REGION.test(home)) {
        region = home;
        continue;
      }
      const code = textOf(said, 'Code');
      throw busy(line, response, code) ?? s3Refused({ status: response.status, code, message: textOf(said, 'Message'), bucket, object });
    }
  }

  return {
    async *list(prefix, signal) {
      for (let page: string | undefined = ''; page !== undefined; ) {
        const query = { 'list-type': '2', 'encoding-type': 'url', prefix, ...(page && { 'continuation-token': page }) };
        const xml: string = await patiently(line, signal, async () => {
          const text = await textFrom(line, await ask(undefined, query, {}, signal), signal);
          if (!text.includes('</ListBucketResult>')) throw cutShort(line, 'the list');
          return text;
        });
        const decode = textOf(xml, 'EncodingType') === 'url' ? fromForm : (text: string) => text;
        yield elements(xml, 'Contents').map(({ inner }) => ({
          name: decode(textOf(inner, 'Key') ?? ''),
          bytes: Number(textOf(inner, 'Size')),
          etag: textOf(inner, 'ETag') ?? '',
        }));
        page = textOf(xml, 'NextContinuationToken');
      }
    },
    async save(object, path, signal) {
      if (object.name.split('/').some((part) => part === '.' || part === '..')) throw unnameable(object.name);
      const asListed = { 'if-match': object.etag };
      await patiently(line, signal, async () => save(line, await ask(object.name, {}, asListed, signal), object, path, signal));
    },
  };
}

const fromForm = (text: string): string => decodeURIComponent(text.replaceAll('+', ' '));

/** Every URL that holds one means another. */
const unnameable = (name: string): StepFailure =>
  new StepFailure('schema', 'object.name', `${name} has a folder that is called . or .., which no address can name.`, {
    hint: 'Rename the object, or leave it out by `pattern`.',
  });
