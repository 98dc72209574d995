import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { type AwsKeys, sha256, signed, strictQuery } from './sigv4.ts';

/** Recorded from AWS's own signer for JavaScript, @smithy/signature-v4 5.7.5, for URLs with everything that must be written in one way only. */
const recorded = JSON.parse(readFileSync(new URL('./sigv4.vectors.json', import.meta.url), 'utf8')) as {
  at: string;
  requests: {
    what: string;
    method: 'GET' | 'POST';
    url: string;
    body: string;
    service: string;
    region: string;
    keys: AwsKeys;
    headers: Record<string, string>;
    authorization: string;
  }[];
};

test.each(recorded.requests)(
  "$what is signed as AWS's own client signs it",
  ({ method, url, body, service, region, keys, headers, authorization }) => {
    const all = { ...headers, ...(service === 's3' && { 'x-amz-content-sha256': sha256('') }) };
    const made = signed({ method, url: new URL(url), headers: all, body }, { service, region }, keys, Date.parse(recorded.at));
    expect(made.authorization).toBe(authorization);
  },
);

/** Of AWS's SigV4 test suite (get-vanilla, get-vanilla-query-order-key-case), and of the manual of S3 (GET Object, List Objects). */
test.each([
  ['https://example.amazonaws.com/', 'service', '20150830T123600Z', {}, '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'],
  [
    `https://example.amazonaws.com/?${strictQuery({ Param2: 'value2', Param1: 'value1' })}`,
    'service',
    '20150830T123600Z',
    {},
    'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500',
  ],
  [
    'https://examplebucket.s3.amazonaws.com/test.txt',
    's3',
    '20130524T000000Z',
    { range: 'bytes=0-9', 'x-amz-content-sha256': sha256('') },
    'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  ],
  [
    `https://examplebucket.s3.amazonaws.com/?${strictQuery({ prefix: 'J', 'max-keys': '2' })}`,
    's3',
    '20130524T000000Z',
    { 'x-amz-content-sha256': sha256('') },
    '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
  ],
])('%s of the documents of AWS has their signature', (url, service, time, headers, signature) => {
  const keys =
    service === 's3'
      ? { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' }
      : { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };
  const now = Date.parse(time.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)/, '$1-$2-$3T$4:$5:'));
  const made = signed(
    { method: 'GET', url: new URL(url), headers: headers as Record<string, string> },
    { service, region: 'us-east-1' },
    keys,
    now,
  );
  expect(made.authorization).toMatch(new RegExp(`Signature=${signature}$`));
});
