/**
 * Parts: physical tables that hold rows of a table beside its own, taken over from another table instead of copied.
 *
 * 1. A part is never written, and may belong to several tables. What is written goes to the table's own, which is not there before that;
 *    who changes rows or columns gathers the parts first (take-over.ts).
 * 2. From before the commit that moves rows until memory has followed, nobody who read them can be sure: DuckDB shows a commit to others before
 *    it has come back. Afterwards the move is counted.
 */
import { quote } from '../../googlesql/sql-type.ts';

export const physicalName = (id: number) => `"t${id}"`;
const NONE: readonly number[] = [];

export class Parts {
  /** How many there are who need that no table takes rows over. */
  refusals = 0;
  readonly #of = new Map<number, readonly number[]>();
  readonly #moves = new Map<number, number>();
  readonly #moving = new Map<number, number>();

  of(id: number): readonly number[] {
    return this.#of.get(id) ?? NONE;
  }
  set(id: number, parts: readonly number[]): void {
    if (parts.length > 0) this.#of.set(id, parts);
    else if (!this.#of.delete(id)) return;
    this.moved(id);
  }
  /** Rows of these tables move in the transaction that `commit` ends. */
  async move<T>(ids: readonly number[], commit: () => Promise<T>): Promise<T> {
    for (const id of ids) this.#moving.set(id, (this.#moving.get(id) ?? 0) + 1);
    try {
      return await commit();
    } finally {
      for (const id of ids) {
        const others = (this.#moving.get(id) ?? 0) - 1;
        if (others > 0) this.#moving.set(id, others);
        else this.#moving.delete(id);
      }
    }
  }
  /** The table's own physical table came or went. */
  moved(id: number): void {
    this.#moves.set(id, (this.#moves.get(id) ?? 0) + 1);
  }
  /** Tables that have any. */
  owners(): number[] {
    return [...this.#of.keys()];
  }
  all(): Set<number> {
    return new Set([...this.#of.values()].flat());
  }
  /** Which of `parts` no other table has than these. */
  onlyOf(ids: readonly number[], parts: readonly number[]): number[] {
    const others = new Set([...this.#of].flatMap(([id, theirs]) => (ids.includes(id) ? [] : theirs)));
    return [...new Set(parts)].filter((part) => !others.has(part));
  }

  /** What to read all rows of a table from: its parts, and its own physical table if it has one. What was written last comes last. */
  rowsOf(table: { readonly id: number; readonly columns: readonly { readonly name: string }[] }, own: boolean): string {
    const parts = this.of(table.id);
    const physical = (own || parts.length === 0 ? [...parts, table.id] : parts).map(physicalName);
    if (physical.length === 1) return physical[0]!;
    const columns = table.columns.map(({ name }) => quote(name)).join(', ');
    return `(${physical.map((from) => `SELECT ${columns} FROM ${from}`).join(' UNION ALL ')})`;
  }

  /** Whether the rows of this table still lie where they lie now; if not, who read them meanwhile may have seen some twice or never. */
  watch(id: number): () => boolean {
    const before = this.#moves.get(id);
    return () => !this.#moving.has(id) && this.#moves.get(id) === before;
  }
}
