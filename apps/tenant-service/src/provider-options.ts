/**
 * Options of provider configurations, some of which are secrets: what signs webhooks, and an address that whoever knows it may post to.
 *
 * 1. A secret option is sealed with the tenant and its configuration before it is journalled; nobody gets it back. 2. An answer shows that it
 * is set (`HIDDEN`), and who sends that back leaves it as it is.
 */
import { Refusal, SECRET_OPTIONS } from '@convergence/contracts';
import type { Keys } from '@convergence/ports';

type Options = Readonly<Record<string, unknown>>;
export const HIDDEN = '********';
const LONGEST = 4_000;

export async function sealedOptions(
  keys: Keys,
  at: { tenantId: string; configId: string },
  given: Options,
  held: Options = {},
): Promise<Options> {
  const options: Record<string, unknown> = { ...given };
  for (const name of SECRET_OPTIONS) {
    const value = given[name];
    if (value === undefined) continue;
    if (typeof value !== 'string' || value === '' || value.length > LONGEST) {
      const message = `must be a text of at most ${LONGEST} characters`;
      throw new Refusal('request.invalid', `body /options/${name} ${message}.`, {
        fields: { errors: [{ in: 'body', path: `/options/${name}`, message }] },
      });
    }
    if (value !== HIDDEN) {
      const sealed = await keys.seal('credentials', { tenantId: at.tenantId, recordId: at.configId }, Buffer.from(value, 'utf8'));
      options[name] = { sealed };
    } else if (held[name] !== undefined) options[name] = held[name];
    else delete options[name];
  }
  return options;
}

export const shownOptions = (options: Options): Record<string, unknown> =>
  Object.fromEntries(Object.entries(options).map(([name, value]) => [name, SECRET_OPTIONS.has(name) ? HIDDEN : value]));
