/**
 * A bounded map of what many have kept. 1. When it is full, whoever has most in it gives up its own oldest: nobody pushes out what
 * others keep by keeping more. 2. Nothing is looked for: each operation takes as long with ten thousand entries as with ten.
 */
export class FairMemory<T extends { readonly holder: string }> {
  readonly #capacity: number;
  readonly #entries = new Map<string, T>();
  /** Names of each holder's entries, oldest first. */
  readonly #heldBy = new Map<string, Set<string>>();
  /** The holders of so many entries; those longest at that number first. */
  readonly #bySize = new Map<number, Set<string>>();
  #largest = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get(name: string): T | undefined {
    return this.#entries.get(name);
  }

  /** In the order in which they were set. */
  [Symbol.iterator](): IterableIterator<[string, T]> {
    return this.#entries.entries();
  }

  /** The entry that was set first of all that are here. */
  oldest(): readonly [string, T] | undefined {
    return this[Symbol.iterator]().next().value;
  }

  set(name: string, entry: T): void {
    const { holder } = entry;
    this.delete(name);
    if (this.#entries.size >= this.#capacity) this.#giveUpOne();
    this.#entries.set(name, entry);
    const names = this.#heldBy.get(holder) ?? new Set();
    this.#heldBy.set(holder, names);
    this.#resize(holder, names.size, names.size + 1);
    names.add(name);
  }

  delete(name: string): void {
    const entry = this.#entries.get(name);
    if (!entry) return;
    this.#entries.delete(name);
    const names = this.#heldBy.get(entry.holder) as Set<string>;
    this.#resize(entry.holder, names.size, names.size - 1);
    names.delete(name);
    if (names.size === 0) this.#heldBy.delete(entry.holder);
  }

  #giveUpOne(): void {
    const [holder = ''] = this.#bySize.get(this.#largest) ?? [];
    const [name] = this.#heldBy.get(holder) ?? [];
    if (name !== undefined) this.delete(name);
  }

  #resize(holder: string, from: number, to: number): void {
    const before = this.#bySize.get(from);
    before?.delete(holder);
    if (before?.size === 0) this.#bySize.delete(from);
    if (to > 0) this.#bySize.set(to, (this.#bySize.get(to) ?? new Set()).add(holder));
    // From and to are one apart, so nothing lies between.
    if (to > this.#largest || !this.#bySize.has(this.#largest)) this.#largest = to;
  }
}
