import { isDeepStrictEqual } from 'node:util';

interface Decidable<S, C, E> {
  initial(): S;
  decide(
    state: S,
    command: C,
    context: { readonly now: number; random(): string },
  ): { events: readonly E[]; reply: unknown } | { refusal: Error & { code?: string } };
  apply(state: S, event: E, meta: { sequence: number; at: string; actor: string | null; traceId: string | null }): void;
}

/**
 * Decisions tested by sentences: `given(definition, events).when(command).thenEvents(events)`, or `.thenRefused(code)`.
 * Ids come as id-1, id-2...; the time is `at`. Deciding must not change the state: that is checked each time.
 */
export function given<S, C, E>(definition: Decidable<S, C, E>, events: readonly E[] = [], at = '2026-01-15T10:00:00.000Z') {
  const state = definition.initial();
  let sequence = 0;
  const apply = (event: E, when: string) => {
    sequence += 1;
    definition.apply(state, JSON.parse(JSON.stringify(event)) as E, { sequence, at: when, actor: null, traceId: null });
  };
  for (const event of events) apply(event, at);
  let ids = 0;
  const when = (command: C, time = at) => {
    const before = structuredClone(state);
    const decision = definition.decide(state, command, { now: new Date(time).getTime(), random: () => `id-${++ids}` });
    if (!isDeepStrictEqual(before, structuredClone(state))) throw new Error('decide changed the state');
    const said =
      'refusal' in decision ? `refused: ${decision.refusal.code} ${decision.refusal.message}` : JSON.stringify(decision.events, null, 2);
    const follow = () => {
      if (!('refusal' in decision)) for (const event of decision.events) apply(event, time);
      return { state, when };
    };
    return {
      decision,
      thenEvents(expected: readonly E[]) {
        if (
          'refusal' in decision ||
          !isDeepStrictEqual(JSON.parse(JSON.stringify(decision.events)), JSON.parse(JSON.stringify(expected)))
        ) {
          throw new Error(`expected events ${JSON.stringify(expected, null, 2)}\nbut it was ${said}`);
        }
        return follow();
      },
      thenReply(expected: unknown) {
        if ('refusal' in decision || !isDeepStrictEqual(decision.reply, expected)) {
          throw new Error(
            `expected the reply ${JSON.stringify(expected)}\nbut it was ${'refusal' in decision ? said : JSON.stringify(decision.reply)}`,
          );
        }
        return follow();
      },
      thenRefused(code: string) {
        if (!('refusal' in decision) || decision.refusal.code !== code) throw new Error(`expected the refusal ${code}\nbut it was ${said}`);
        return { state, when };
      },
    };
  };
  return { state, when };
}
