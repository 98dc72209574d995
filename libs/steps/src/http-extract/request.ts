/**
 * One page: sent with the tenant's credential, waited for when the other side says so, refused when it is not what it should be.
 *
 * 1. 429 and 5xx are waited out in place, so that a page in the middle does not start the whole extract again; not for ever.
 * 2. A 200 is believed only when its body is JSON with the expected fields. 3. No secret is in any message. 4. A token that runs out
 * on the way is asked for anew.
 */
import { StepFailure } from '../failure.ts';
import type { Credential, StepContext } from '../step.ts';
import type { HttpExtractConfig } from './config.ts';
import { parseJson } from './decimal-json.ts';
import { addressOf, at } from './paths.ts';

const TRIES = 5;
/** Who wants to be left alone for longer is: the step waits for its next attempt. */
const LONGEST_WAIT_SECONDS = 120;
const PAGE_MS = 60_000;
const MOST_BYTES = 64 * 1024 * 1024;

export interface Page {
  readonly body: unknown;
  readonly headers: Headers;
}

export class Requester {
  readonly #context: StepContext;
  readonly #config: HttpExtractConfig;
  #authorization: Readonly<Record<string, string>>;
  /** The authorization has been good for a page. */
  #accepted = false;
  #nextAt = 0;

  constructor(context: StepContext, config: HttpExtractConfig, authorization: Readonly<Record<string, string>>) {
    this.#context = context;
    this.#config = config;
    this.#authorization = authorization;
  }

  async get(url: URL): Promise<Page> {
    for (let attempt = 1; ; attempt++) {
      await this.#pace();
      const response = await this.#send(url);
      if (response.ok) {
        this.#accepted = true;
        return this.#read(url, response);
      }
      await response.body?.cancel();
      if (response.status === 401 && this.#accepted && this.#config.auth?.type === 'oauth_client_credentials') {
        this.#authorization = await authorization(this.#context, this.#config);
        this.#accepted = false;
        continue;
      }
      const failure = refusal(url, response);
      const seconds = failure.retryAfterSeconds ?? 2 ** attempt;
      if (!failure.transient || attempt >= TRIES || seconds > LONGEST_WAIT_SECONDS) throw failure;
      this.#context.log.info({ status: response.status, seconds, attempt }, 'the source asks to wait');
      await this.#context.clock.sleep(seconds * 1000, this.#context.signal);
    }
  }

  async #pace(): Promise<void> {
    const { clock, signal } = this.#context;
    const wait = this.#nextAt - clock.now();
    if (wait > 0) await clock.sleep(wait, signal);
    if (this.#config.requests_per_second) this.#nextAt = clock.now() + 1000 / this.#config.requests_per_second;
  }

  async #send(url: URL): Promise<Response> {
    const { fetch, signal } = this.#context;
    const { method = 'GET', headers = {}, body } = this.#config;
    try {
      return await fetch(url, {
        method,
        headers: {
          accept: 'application/json',
          'user-agent': 'Convergence/1.0',
          ...(body && { 'content-type': 'application/json' }),
          ...headers,
          ...this.#authorization,
        },
        ...(body && { body: JSON.stringify(body) }),
        // Credentials follow no redirect: it is refused below, as what it is.
        redirect: 'manual',
        signal: AbortSignal.any([signal, AbortSignal.timeout(PAGE_MS)]),
      });
    } catch (cause) {
      signal.throwIfAborted();
      throw cause instanceof StepFailure ? cause : unreachable(url, cause);
    }
  }

  async #text(url: URL, response: Response): Promise<string> {
    let text = '';
    const decoder = new TextDecoder();
    try {
      for await (const chunk of response.body ?? []) {
        text += decoder.decode(chunk, { stream: true });
        if (text.length > MOST_BYTES)
          throw new StepFailure('quota', 'http.page_too_large', `One page is larger than ${MOST_BYTES / 1024 / 1024} MB.`, {
            hint: 'Ask for smaller pages (limit).',
          });
      }
    } catch (cause) {
      this.#context.signal.throwIfAborted();
      if (cause instanceof StepFailure) throw cause;
      throw new StepFailure('source_not_ready', 'http.cut_short', `${url.host} broke off within a page.`, {
        hint: 'It is tried again by itself; when it stays so, ask for smaller pages (limit).',
        transient: true,
        cause,
      });
    }
    return text + decoder.decode();
  }

  async #read(url: URL, response: Response): Promise<Page> {
    const text = await this.#text(url, response);
    let body: unknown;
    try {
      body = parseJson(text);
    } catch (cause) {
      throw new StepFailure('schema', 'http.not_json', 'The answer is not JSON.', {
        hint: 'Check the URL; a page cut short is tried again.',
        transient: true,
        cause,
      });
    }
    for (const path of this.#config.expect?.fields ?? [])
      if (at(body, path) === undefined)
        throw new StepFailure('schema', 'http.envelope', `The answer has no ${path}: it is not what this source answers.`, {
          hint: 'The provider may have answered an error with status 200, or changed its API.',
        });
    return { body, headers: response.headers };
  }
}

const unreachable = (url: URL, cause: unknown): StepFailure =>
  new StepFailure('source_not_ready', 'http.unreachable', `${url.host} can not be reached.`, {
    hint: 'It is tried again by itself.',
    transient: true,
    cause,
  });

function refusal(url: URL, response: Response): StepFailure {
  const { status } = response;
  const after = response.headers.get('retry-after');
  const seconds =
    after === null ? undefined : /^\d+$/.test(after) ? Number(after) : Math.max(1, Math.ceil((Date.parse(after) - Date.now()) / 1000) || 1);
  const wait = { transient: true, ...(seconds !== undefined && { retryAfterSeconds: seconds }) };
  if (status >= 300 && status < 400) {
    const to = URL.parse(response.headers.get('location') ?? '', url.href);
    const where = to && to.href !== url.href ? `${to.origin}${to.pathname}` : 'elsewhere';
    return new StepFailure('schema', 'http.redirect', `${url.host} answered ${status} to ${url.pathname}: it leads to ${where}.`, {
      hint: 'No redirect is followed, for credentials go nowhere else: correct the address.',
    });
  }
  if (status === 401)
    return new StepFailure('credential', 'http.unauthorized', `${url.host} does not accept the credential.`, {
      hint: 'The key may be revoked or expired: store a new one.',
    });
  if (status === 403)
    return new StepFailure('permission', 'http.forbidden', `The credential may not read ${url.pathname}.`, {
      hint: 'Give it the rights that the template names.',
    });
  if (status === 429)
    return new StepFailure(
      'rate_limit',
      'http.rate_limit',
      `${url.host} limits the rate of requests${seconds === undefined ? '' : ` for ${seconds} seconds`}.`,
      {
        hint: 'It is tried again by itself.',
        ...wait,
      },
    );
  if (status >= 500 || status === 408)
    return new StepFailure('source_not_ready', 'http.server_error', `${url.host} answered ${status}.`, {
      hint: 'It is tried again by itself.',
      ...wait,
    });
  if (status === 404)
    return new StepFailure('source_not_ready', 'http.not_found', `${url.host} has no ${url.pathname}.`, {
      hint: 'Check the URL and the parameters.',
    });
  return new StepFailure('schema', 'http.refused', `${url.host} answered ${status} to ${url.pathname}.`, {
    hint: 'The provider may have changed its API.',
  });
}

/** The headers that prove who asks. */
export async function authorization(context: StepContext, config: HttpExtractConfig): Promise<Record<string, string>> {
  const auth = config.auth ?? { type: 'none' };
  if (auth.type === 'none') return {};
  const credential = await context.credential(config.provider ?? context.template.ref.provider);
  const secret = (name: string) => field(credential, name);
  switch (auth.type) {
    case 'bearer':
      return { authorization: `Bearer ${secret(auth.token)}` };
    case 'header':
      return { [auth.name.toLowerCase()]: secret(auth.value) };
    case 'basic':
      return { authorization: `Basic ${Buffer.from(`${secret(auth.username)}:${secret(auth.password)}`).toString('base64')}` };
    case 'oauth_client_credentials': {
      const body = new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: secret(auth.client_id),
        client_secret: secret(auth.client_secret),
      });
      if (auth.scope) body.set('scope', auth.scope);
      const url = addressOf(auth.token_url);
      const response = await context
        .fetch(url, { method: 'POST', body, redirect: 'manual', signal: context.signal })
        .catch((cause: unknown) => {
          context.signal.throwIfAborted();
          throw cause instanceof StepFailure ? cause : unreachable(url, cause);
        });
      if (!response.ok)
        throw response.status >= 400 && response.status < 500 && response.status !== 429
          ? new StepFailure('credential', 'http.token_refused', `${url.host} gives no token for the credential.`, {
              hint: 'Check client id and secret.',
            })
          : refusal(url, response);
      const answer = (await response.json().catch(() => null)) as { access_token?: unknown } | null;
      if (typeof answer?.access_token !== 'string')
        throw new StepFailure('schema', 'http.token_shape', `${url.host} answered without an access_token.`, {
          hint: 'Check token_url in the template.',
        });
      return { authorization: `Bearer ${answer.access_token}` };
    }
    default:
      return auth satisfies never;
  }
}

function field(credential: Credential, name: string): string {
  const value = credential.secret[name];
  if (typeof value !== 'string' || value === '')
    throw new StepFailure('credential', 'credential.field_missing', `The ${credential.provider} credential has no ${name}.`, {
      hint: 'Store it again with that field.',
    });
  return value;
}
