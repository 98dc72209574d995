/** Where something lies: in a response, or on the net. */
import { StepFailure } from '../failure.ts';

/** The value at a dotted path; undefined when something on the way is missing. */
export function at(value: unknown, path: string): unknown {
  let current = value;
  for (const part of path.split('.')) {
    if (part === '$') continue;
    if (current === null || typeof current !== 'object') return undefined;
    current = (current as Record<string, unknown>)[part];
  }
  return current;
}

/** An address as the template, its parameters or the source name it. */
export function addressOf(text: string, base?: URL): URL {
  if (URL.canParse(text, base?.href)) return new URL(text, base);
  throw new StepFailure('schema', 'http.url', `${JSON.stringify(text.slice(0, 200))} is no address.`, {
    hint: 'Check the address in the template and the parameters in it: it begins with https://.',
  });
}
