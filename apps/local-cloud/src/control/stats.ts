/** Counters per product, caller and resource, as `GET /__stats` shows them. */
export interface Counted {
  readonly product: string;
  /** The caller's identity; the owner of the laptop when it sent none. */
  readonly caller?: string;
  /** A table, topic, subscription or key. */
  readonly resource?: string;
}
export interface Stats {
  count(where: Counted, measures: Readonly<Record<string, number>>): void;
  snapshot(): readonly (Counted & { readonly measures: Record<string, number> })[];
  reset(): void;
}

export function createStats(): Stats {
  let rows = new Map<string, Counted & { measures: Record<string, number> }>();
  return {
    count(where, measures) {
      const key = `${where.product}\n${where.caller ?? ''}\n${where.resource ?? ''}`;
      let row = rows.get(key);
      if (row === undefined) {
        row = { ...where, measures: {} };
        rows.set(key, row);
      }
      for (const name in measures) {
        row.measures[name] = (row.measures[name] ?? 0) + measures[name]!;
      }
    },
    snapshot: () => [...rows.values()],
    reset() {
      rows = new Map();
    },
  };
}
