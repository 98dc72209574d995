/**
 * The memory of named-commands.ts: what each name stands for, of at most so many and for a day.
 *
 * 1. It can be found by its name, and by what the command is called. 2. Of too many, whoever has most loses its own oldest: by the time of
 * naming, in whatever order tables tell them.
 */
import { FairMemory } from '@convergence/contracts';

const REMEMBERED_MS = 86_400_000;
/** Some 400 bytes each. */
const CAPACITY = 50_000;

export interface NamedCommand {
  readonly command: string;
  readonly request: string;
  readonly holder: string;
  readonly made: string | null;
  readonly named_at: string;
}
type Told = Omit<NamedCommand, 'named_at'>;
interface Kept {
  readonly request: string;
  readonly holder: string;
  readonly at: number;
  made: string | null;
}

export class NamedCommands {
  readonly #capacity: number;
  #inOrder: FairMemory<Kept>;
  /** Of tables, until they are looked for. */
  #told: [name: string, Kept][] = [];

  constructor(capacity = CAPACITY) {
    this.#capacity = capacity;
    this.#inOrder = new FairMemory(capacity);
  }

  /** What the name stands for. */
  byName(name: string, now: number): NamedCommand | undefined {
    const kept = this.#kept.get(name);
    return kept && kept.at > now - REMEMBERED_MS ? shown(calledBy(name, kept.at), kept) : undefined;
  }

  /** The command itself, while its name stands for it. */
  get(command: string): NamedCommand | undefined {
    const kept = this.#find(command);
    return kept && shown(command, kept);
  }

  /** The newest of all. */
  add({ command, request, holder, made }: Told): void {
    const { name, at } = partsOf(command);
    const kept = this.#kept;
    for (let first = kept.oldest(); first && first[1].at <= at - REMEMBERED_MS; first = kept.oldest()) kept.delete(first[0]);
    kept.set(name, { request, holder, at, made });
  }

  /** Some of those that were there before, in no order. */
  load(rows: readonly Told[]): void {
    for (const { command, request, holder, made } of rows) {
      const { name, at } = partsOf(command);
      this.#told.push([name, { request, holder, at, made }]);
    }
    if (this.#told.length > this.#capacity) this.#putInOrder();
  }

  get #kept(): FairMemory<Kept> {
    if (this.#told.length > 0) this.#putInOrder();
    return this.#inOrder;
  }

  #putInOrder(): void {
    const all = [...this.#inOrder, ...this.#told].sort(([, one], [, other]) => one.at - other.at);
    this.#told = [];
    this.#inOrder = new FairMemory(this.#capacity);
    for (const [name, kept] of all) this.#inOrder.set(name, kept);
  }

  noteMade(command: string, made: string): void {
    const kept = this.#find(command);
    if (kept) kept.made = made;
  }

  #find(command: string): Kept | undefined {
    const { name, at } = partsOf(command);
    const kept = this.#kept.get(name);
    return kept?.at === at ? kept : undefined;
  }
}

const shown = (command: string, { request, holder, made, at }: Kept): NamedCommand => ({
  command,
  request,
  holder,
  made,
  named_at: new Date(at).toISOString(),
});
export const calledBy = (name: string, at: number): string => `${name}@${at}`;
function partsOf(command: string): { readonly name: string; readonly at: number } {
  const [name = '', at] = command.split('@');
  return { name, at: Number(at) };
}
