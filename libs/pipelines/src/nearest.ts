/** The valid names nearest to a wrong one, best first; none when all are far off. */
export function nearest(wrong: string, valid: Iterable<string>, limit = 1): string[] {
  const scored = [...valid].map((name) => ({ name, distance: distance(wrong.toLowerCase(), name.toLowerCase()) }));
  return scored
    .filter(({ name, distance: d }) => d <= Math.max(2, Math.ceil(Math.max(name.length, wrong.length) * 0.45)))
    .sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1))
    .slice(0, limit)
    .map(({ name }) => name);
}

/** Edits between two texts, a swap of neighbours counting once. */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min((previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (previous[j - 1] ?? 0) + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, (before[j - 2] ?? 0) + 1);
      row.push(best);
    }
    before = previous;
    previous = row;
  }
  return previous[b.length] ?? 0;
}
