/** The closest of some names to a misspelt one, when it is close enough to be meant. */
export function nearest(wanted: string, names: Iterable<string>): string | undefined {
  const target = wanted.toLowerCase();
  let best: string | undefined;
  let least = Math.max(target.length > 3 ? 2 : 1, Math.floor(target.length / 3)) + 1;
  for (const name of names) {
    const distance = editDistance(target, name.toLowerCase(), least);
    if (distance < least) {
      least = distance;
      best = name;
    }
  }
  return best;
}

export function editDistance(a: string, b: string, bound = Number.POSITIVE_INFINITY): number {
  const from = [...a];
  const to = [...b];
  if (Math.abs(from.length - to.length) >= bound) return bound;
  let row = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (const [i, c] of from.entries()) {
    const next = [i + 1];
    for (const [j, d] of to.entries()) next.push(Math.min(next[j]! + 1, row[j + 1]! + 1, row[j]! + (c === d ? 0 : 1)));
    row = next;
  }
  return row[to.length]!;
}
