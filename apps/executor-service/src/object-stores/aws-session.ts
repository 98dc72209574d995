/**
 * Keys to sign with, of a tenant's AWS credential: its own access keys, or those that a role lends us.
 *
 * 1. A role is assumed with the platform's own keys, which all tenants' roles trust. The external id that we show is therefore the tenant's
 * id, with what the credential says behind it: nobody can make us show that of another tenant, whatever role they name (AWS: "the confused
 * deputy"). 2. What a role lends is borrowed anew before it ends. 3. Where requests go follows from region and role alone.
 */
import { type Credential, StepFailure } from '@convergence/steps';
import { notForeseen } from './below-folder.ts';
import { borrowed } from './borrowed.ts';
import { busy, type Line, patiently, send, textFrom } from './exchange.ts';
import { type AwsKeys, signed } from './sigv4.ts';
import { textOf } from './xml.ts';

export interface AwsSession {
  readonly keys: AwsKeys;
  readonly region: string;
}
export interface AwsSessionOptions {
  readonly line: Line;
  readonly tenantId: string;
  readonly credential: () => Promise<Credential>;
  /** Who assumes roles; undefined: none can be. */
  readonly platformKeys: AwsKeys | undefined;
  /** AWS on this machine, for tests. */
  readonly endpoint: string | undefined;
}

export const REGION = /^[a-z]{2}(-[a-z]+)+-\d$/;
const ROLE = /^arn:(aws[a-z-]*):iam::\d{12}:role\/[\w+=,.@/-]+$/;
const FIRST_REGION: Readonly<Record<string, string>> = { 'aws-cn': 'cn-north-1', 'aws-us-gov': 'us-gov-west-1' };

/** `s3` and `eu-central-1` -> the host of AWS. */
export const awsHost = (service: string, region: string): string =>
  `${service}.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;

export const awsSession = (options: AwsSessionOptions): ((signal: AbortSignal) => Promise<AwsSession>) =>
  borrowed(options.line.clock, (signal) => signIn(options, signal));

async function signIn(options: AwsSessionOptions, signal: AbortSignal): Promise<{ lent: AwsSession; until: number }> {
  const { secret } = await options.credential();
  const text = (name: string) => (typeof secret[name] === 'string' ? (secret[name] as string) : undefined);
  const [accessKeyId, secretAccessKey, roleArn, region] = [
    text('access_key_id'),
    text('secret_access_key'),
    text('role_arn'),
    text('region'),
  ];
  if (region !== undefined && !REGION.test(region)) throw notAnAccount();
  if (accessKeyId !== undefined && secretAccessKey !== undefined) {
    const keys = { accessKeyId, secretAccessKey, sessionToken: text('session_token') };
    return { lent: { keys, region: region ?? 'us-east-1' }, until: Number.POSITIVE_INFINITY };
  }
  const partition = roleArn === undefined ? undefined : ROLE.exec(roleArn)?.[1];
  if (roleArn === undefined || partition === undefined) throw notAnAccount();
  const where = region ?? FIRST_REGION[partition] ?? 'us-east-1';
  const { keys, until } = await assumeRole(
    options,
    { roleArn, externalId: externalIdOf(options.tenantId, text('external_id')), region: where },
    signal,
  );
  return { lent: { keys, region: where }, until };
}

const externalIdOf = (tenantId: string, own: string | undefined): string => (own === undefined ? tenantId : `${tenantId}:${own}`);

const notAnAccount = (): StepFailure =>
  new StepFailure('credential', 'credential.shape', 'The AWS credential has neither access keys nor a role.', {
    hint: 'Store access_key_id and secret_access_key, or role_arn.',
  });

async function assumeRole(
  { line, tenantId, platformKeys, endpoint }: AwsSessionOptions,
  role: { readonly roleArn: string; readonly externalId: string; readonly region: string },
  signal: AbortSignal,
): Promise<{ keys: AwsKeys; until: number }> {
  if (!platformKeys)
    throw new StepFailure('credential', 'credential.role', 'This Convergence has no identity at AWS that could assume a role.', {
      hint: 'Store access keys instead, or ask whoever operates it to set ASSUME_ROLE_ACCESS_KEY_ID.',
    });
  const url = new URL(endpoint ?? `https://${awsHost('sts', role.region)}/`);
  const body = new URLSearchParams({
    Action: 'AssumeRole',
    Version: '2011-06-15',
    RoleArn: role.roleArn,
    RoleSessionName: `convergence-${tenantId}`.slice(0, 64),
    ExternalId: role.externalId,
    DurationSeconds: '3600',
  }).toString();
  const headers = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' };
  return patiently(line, signal, async () => {
    const scope = { service: 'sts', region: role.region };
    const proven = signed({ method: 'POST', url, headers, body }, scope, platformKeys, line.clock.now());
    const response = await send(line, url, { method: 'POST', headers: proven, body }, signal);
    const answer = await textFrom(line, response, signal);
    if (!response.ok) throw busy(line, response, textOf(answer, 'Code')) ?? roleRefused(response.status, textOf(answer, 'Code'), role);
    const [accessKeyId, secretAccessKey, sessionToken, expiration] = ['AccessKeyId', 'SecretAccessKey', 'SessionToken', 'Expiration'].map(
      (name) => textOf(answer, name),
    );
    const until = Date.parse(expiration ?? '');
    if (!accessKeyId || !secretAccessKey || !sessionToken || Number.isNaN(until)) throw new Error('AWS STS answered without keys.');
    return { keys: { accessKeyId, secretAccessKey, sessionToken }, until };
  });
}

function roleRefused(status: number, code: string | undefined, role: { readonly roleArn: string; readonly externalId: string }): Error {
  if (code === 'AccessDenied')
    return new StepFailure('permission', 'credential.role_denied', `AWS does not let us assume ${role.roleArn}.`, {
      hint: `Its trust policy must allow our account sts:AssumeRole with sts:ExternalId ${role.externalId}.`,
    });
  if (code === 'RegionDisabledException')
    return new StepFailure('credential', 'credential.role_denied', "The role's account has not enabled STS in the credential's region.", {
      hint: 'Enable it in the account settings of IAM, or store the credential with another region.',
    });
  // Our own keys or request: nothing that the tenant could mend.
  return notForeseen('AWS STS', status, code ?? '');
}
