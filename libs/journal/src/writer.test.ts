import type { JournalRow, JournalStore } from '@convergence/ports';
import { fakeJournalStore, virtualClock } from '@convergence/testing';
import { describe, expect, test } from '@jest/globals';
import { journalWriter } from './writer.ts';

const row = (sequence: number): JournalRow => ({
  sequence,
  epoch: 1,
  at: '2026-01-15T10:00:00.000Z',
  subject: 's',
  type: 't',
  data: '{}',
  actor: null,
  trace_id: null,
});
const turn = () => new Promise(setImmediate);

/** A store whose appends wait until the test lets them go. */
async function stage(options: { maxRows?: number } = {}) {
  const store = fakeJournalStore();
  const stream = await store.createStream();
  const clock = virtualClock();
  const sizes: number[] = [];
  const gates: (() => void)[] = [];
  let fail = 0;
  let dead = '';
  const append: JournalStore['append'] = async (name, offset, rows) => {
    sizes.push(rows.length);
    if (fail > 0) {
      fail -= 1;
      throw new Error('away');
    }
    await new Promise<void>((go) => gates.push(go));
    return store.append(name, offset, rows);
  };
  const writer = journalWriter({
    store: { append },
    stream,
    streamStart: 0,
    clock,
    ...options,
    onDurable: () => undefined,
    onDead: (reason) => {
      dead = reason;
    },
  });
  const letGo = async () => {
    gates.shift()?.();
    await turn();
  };
  return { store, stream, clock, sizes, writer, letGo, failNext: (n: number) => (fail = n), dead: () => dead };
}

describe('group commit', () => {
  test('1 and 2: what is written while an append is under way goes out together as the next one', async () => {
    const { writer, sizes, letGo, store } = await stage();
    writer.write([row(1)]);
    await turn();
    for (let s = 2; s <= 9; s += 1) writer.write([row(s)]);
    await letGo();
    await letGo();
    await writer.whenDurable(9);
    expect(sizes).toEqual([1, 8]);
    expect(store.rows.map((r) => r.sequence)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test('1: a group is never split, however full the batch', async () => {
    const { writer, sizes, letGo } = await stage({ maxRows: 4 });
    writer.write([row(1), row(2), row(3)]);
    writer.write([row(4), row(5)]);
    writer.write([row(6), row(7), row(8), row(9), row(10)]);
    await turn();
    for (let i = 0; i < 3; i += 1) await letGo();
    await writer.whenDurable(10);
    expect(sizes).toEqual([3, 2, 5]);
  });

  test('2 and 4: an append that fails is sent again as it was; meanwhile the writer is stalled', async () => {
    const { writer, sizes, letGo, clock, failNext } = await stage();
    failNext(2);
    writer.write([row(1)]);
    await turn();
    expect(writer.stalled).toBe(true);
    writer.write([row(2)]);
    await clock.advance(1_000);
    await letGo();
    await letGo();
    await writer.whenDurable(2);
    expect(sizes).toEqual([1, 1, 1, 1]);
    expect(writer.stalled).toBe(false);
  });

  test('4: who waits too long hears Transient, and the rows still become durable', async () => {
    const { writer, letGo, clock, failNext, store } = await stage();
    failNext(1_000);
    writer.write([row(1)]);
    const waiting = writer.whenDurable(1);
    const heard = expect(waiting).rejects.toMatchObject({ name: 'Transient', code: 'service.unavailable' });
    await clock.advance(15_000);
    await heard;
    failNext(0);
    await clock.advance(3_000);
    await letGo();
    await writer.whenDurable(1);
    expect(store.rows).toHaveLength(1);
  });

  test('3: after a finalized stream nothing is sent and every waiter hears owner.changing', async () => {
    const { writer, letGo, store, stream, sizes, dead } = await stage();
    writer.write([row(1)]);
    await turn();
    const waiting = [writer.whenDurable(1), writer.whenDurable(1)];
    await store.finalize(stream);
    const heard = waiting.map((w) => expect(w).rejects.toMatchObject({ code: 'owner.changing' }));
    await letGo();
    await Promise.all(heard);
    expect(dead()).toMatch(/took over/);
    writer.write([row(2)]);
    await turn();
    expect(sizes).toEqual([1]);
    await expect(writer.whenDurable(2)).rejects.toMatchObject({ code: 'owner.changing' });
  });
});
