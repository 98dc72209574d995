/** Labels as every resource has them: a patch adds and replaces; null removes. */
import { invalid } from '../errors.ts';

export function mergeLabels(old: Readonly<Record<string, string>> | undefined, given: unknown): Record<string, string> {
  const labels: Record<string, string> = { ...old };
  if (given === undefined || given === null) return labels;
  if (typeof given !== 'object' || Array.isArray(given)) throw invalid('Invalid value for labels: it must be an object.');
  for (const [key, value] of Object.entries(given)) {
    if (!/^[\p{Ll}\p{Lo}][\p{Ll}\p{Lo}\p{N}_-]{0,62}$/u.test(key))
      throw invalid(`Label key "${key}" is invalid: keys start with a lowercase letter and have at most 63 of [a-z0-9_-].`);
    if (value === null) {
      delete labels[key];
      continue;
    }
    if (!/^[\p{Ll}\p{Lo}\p{N}_-]{0,63}$/u.test(String(value)))
      throw invalid(`Label value "${value}" is invalid: at most 63 of [a-z0-9_-].`);
    labels[key] = String(value);
  }
  return labels;
}
