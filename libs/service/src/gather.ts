/**
 * Questions asked at the same time, asked together.
 *
 * 1. While calls are on their way, or for a moment after one began, the next questions gather; at low load nothing waits, at high load
 *    calls grow, not their number.
 * 2. Every asker gets the answer to its own question, or the failure of the call that carried it.
 * 3. A call that is refused as a whole is asked again question by question, so that nobody fails for somebody else's.
 */
import { Transient } from '@convergence/contracts';

export interface Gathering<Q, A> {
  /** One outcome for each question, in their order. */
  readonly together: (questions: readonly Q[]) => Promise<readonly (() => A | Promise<A>)[]>;
  readonly alone: (question: Q) => Promise<A>;
  /** Questions in one call. */
  readonly most: number;
  /** Calls on their way at once. */
  readonly calls: number;
  /** From one call to the next that is not full. */
  readonly moment?: () => Promise<unknown>;
}

interface Waiting<Q, A> {
  readonly question: Q;
  readonly resolve: (answer: A | Promise<A>) => void;
  readonly reject: (error: unknown) => void;
}

export function gather<Q, A>({ together, alone, most, calls, moment }: Gathering<Q, A>): (question: Q) => Promise<A> {
  let waiting: Waiting<Q, A>[] = [];
  let underWay = 0;
  let gathering = false;

  const next = (): void => {
    while (underWay < calls && waiting.length > 0 && !(gathering && waiting.length < most)) {
      if (moment && !gathering) {
        gathering = true;
        void moment().finally(() => {
          gathering = false;
          next();
        });
      }
      const batch = waiting.slice(0, most);
      waiting = waiting.slice(most);
      underWay++;
      void ask(batch).finally(() => {
        underWay--;
        next();
      });
    }
  };

  async function ask(batch: readonly Waiting<Q, A>[]): Promise<void> {
    const [first] = batch;
    if (batch.length === 1 && first) return settle(first, () => alone(first.question));
    try {
      const outcomes = await together(batch.map(({ question }) => question));
      await Promise.all(batch.map((one, at) => settle(one, outcomes[at] ?? missing)));
    } catch (error) {
      if (error instanceof Transient) for (const { reject } of batch) reject(error);
      else await Promise.all(batch.map((one) => settle(one, () => alone(one.question))));
    }
  }

  return (question) =>
    new Promise((resolve, reject) => {
      waiting.push({ question, resolve, reject });
      // All that arrive in this turn of the loop go together.
      if (waiting.length === 1 || waiting.length === most) setImmediate(next);
    });
}

async function settle<Q, A>({ resolve, reject }: Waiting<Q, A>, outcome: () => A | Promise<A>): Promise<void> {
  try {
    resolve(await outcome());
  } catch (error) {
    reject(error);
  }
}

const missing = (): never => {
  throw new Transient('No answer came back.');
};
