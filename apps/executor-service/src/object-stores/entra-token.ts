/**
 * Tokens of Entra ID for a tenant's Azure credential: an app registration and its client secret (OAuth 2.0 client credentials).
 *
 * 1. The secret goes to Microsoft's own host and nowhere else. 2. A token is asked for anew before it ends.
 */
import { type Credential, StepFailure } from '@convergence/steps';
import { notForeseen } from './below-folder.ts';
import { borrowed } from './borrowed.ts';
import { busy, type Line, patiently, send, textFrom } from './exchange.ts';

export interface EntraOptions {
  readonly line: Line;
  readonly credential: () => Promise<Credential>;
  /** What the token is for: `https://storage.azure.com/.default`. */
  readonly scope: string;
  /** Entra ID on this machine, for tests. */
  readonly endpoint: string | undefined;
}

const MICROSOFT = 'https://login.microsoftonline.com';
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export const entraToken = (options: EntraOptions): ((signal: AbortSignal) => Promise<string>) =>
  borrowed(options.line.clock, (signal) => signIn(options, signal));

async function signIn(options: EntraOptions, signal: AbortSignal): Promise<{ lent: string; until: number }> {
  const { line } = options;
  const { tenant_id, client_id, client_secret } = (await options.credential()).secret;
  if (typeof tenant_id !== 'string' || !UUID.test(tenant_id) || typeof client_id !== 'string' || typeof client_secret !== 'string')
    throw new StepFailure('credential', 'credential.shape', 'The AZURE credential is no client secret of an app registration.', {
      hint: 'Store tenant_id, client_id and client_secret.',
    });
  const url = new URL(`${options.endpoint ?? MICROSOFT}/${tenant_id}/oauth2/v2.0/token`);
  const body = new URLSearchParams({ grant_type: 'client_credentials', client_id, client_secret, scope: options.scope });
  return patiently(line, signal, async () => {
    const asked = line.clock.now();
    const response = await send(line, url, { method: 'POST', body }, signal);
    const answer = jsonOf(await textFrom(line, response, signal));
    if (!response.ok) throw busy(line, response, undefined) ?? refused(response.status, answer);
    const seconds = Number(answer.expires_in);
    if (typeof answer.access_token !== 'string' || !(seconds > 0)) throw new Error('Microsoft Entra ID answered without a token.');
    return { lent: answer.access_token, until: asked + seconds * 1000 };
  });
}

const jsonOf = (text: string): { readonly [name: string]: unknown } => {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
};

/** Its numbers (AADSTS7000215) are said, its texts are not: they speak of more than the tenant's own app. */
const MEANS: Readonly<Record<string, readonly [message: string, hint: string]>> = {
  7000215: ['The client secret of the AZURE credential is wrong.', 'Store the value of the secret, not its id.'],
  7000222: ['The client secret of the AZURE credential has expired.', 'Make a new one in the app registration and store it.'],
  700016: ['There is no app with the client_id of the AZURE credential in that directory.', 'Check client_id and tenant_id.'],
  90002: ['There is no directory with the tenant_id of the AZURE credential.', 'Check tenant_id.'],
  7000112: ['The app of the AZURE credential is disabled.', 'Enable it in Entra ID, or store a credential of another app.'],
};

function refused(status: number, answer: { readonly [name: string]: unknown }): Error {
  const codes = Array.isArray(answer.error_codes) ? answer.error_codes.filter((code): code is number => Number.isInteger(code)) : [];
  const [message, hint] = codes.map((code) => MEANS[code]).find(Boolean) ?? [
    'Microsoft Entra ID gives no token for the AZURE credential.',
    'Check tenant_id, client_id and client_secret.',
  ];
  if (status < 400) return notForeseen('Microsoft Entra ID', status, '');
  return new StepFailure('credential', 'object.credential', message, {
    hint: codes.length > 0 ? `${hint} Entra ID says AADSTS${codes[0]}.` : hint,
  });
}
