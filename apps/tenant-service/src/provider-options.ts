/**
 * Options of provider configurations, some of which are secrets: what signs webhooks, and an address that whoever knows it may post to.
 *
 * 1. A secret option is sealed with the tenant and its configuration before it is journalled; nobody gets it back. 2. An answer shows that it
 * is set (`HIDDEN`), and who sends that back leaves it as it is. 3. Options are held in memory with their tenant, so they are small.
 * 4. All others are kept and shown as they are, so one whose name says that it is a secret is refused.
 */
import { Refusal, SECRET_OPTIONS } from '@convergence/contracts';
import type { Keys } from '@convergence/ports';
import { isSecretKey } from '@convergence/service';

type Options = Readonly<Record<string, unknown>>;
export const HIDDEN = '********';
const LONGEST = 4_000;
const MOST_BYTES = 16_384;

export async function sealedOptions(
  keys: Keys,
  at: { tenantId: string; configId: string },
  given: Options,
  held: Options = {},
): Promise<Options> {
  const secrets: string[] = [];
  const json = JSON.stringify(given, function (this: unknown, name, value: unknown) {
    if (isSecretKey(name) && !(this === given && SECRET_OPTIONS.has(name))) secrets.push(name);
    return value;
  });
  if (secrets.length > 0) throw refused('/options', `would keep ${secrets.join(', ')} in clear: secrets belong in a credential`);
  if (Buffer.byteLength(json) > MOST_BYTES) throw refused('/options', `must be at most ${MOST_BYTES / 1024} KB of JSON`);
  const options: Record<string, unknown> = { ...given };
  for (const name of SECRET_OPTIONS) {
    const value = given[name];
    if (value === undefined) continue;
    if (typeof value !== 'string' || value === '' || value.length > LONGEST) {
      throw refused(`/options/${name}`, `must be a text of at most ${LONGEST} characters`);
    }
    if (value !== HIDDEN) {
      const sealed = await keys.seal('credentials', { tenantId: at.tenantId, recordId: at.configId }, Buffer.from(value, 'utf8'));
      options[name] = { sealed };
    } else if (held[name] !== undefined) options[name] = held[name];
    else delete options[name];
  }
  return options;
}

const refused = (path: string, message: string): Refusal =>
  new Refusal('request.invalid', `body ${path} ${message}.`, { fields: { errors: [{ in: 'body', path, message }] } });

export const shownOptions = (options: Options): Record<string, unknown> =>
  Object.fromEntries(Object.entries(options).map(([name, value]) => [name, SECRET_OPTIONS.has(name) ? HIDDEN : value]));
