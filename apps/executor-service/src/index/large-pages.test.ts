import { virtualClock } from '@convergence/testing';
import { expect, test } from '@jest/globals';
import { AT_ONCE, LargePages } from './large-pages.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));
const here = new AbortController().signal;

function given() {
  const clock = virtualClock();
  let fullSpeed = 0;
  const pages = new LargePages(clock, () => void fullSpeed++);
  const started: number[] = [];
  const finish: (() => void)[] = [];
  const ask = (n: number, signal = here, tenant = 'acme') =>
    pages.make(tenant, signal, async () => {
      started.push(n);
      await new Promise<void>((resolve) => finish.push(resolve));
      return n;
    });
  return { clock, started, finish, ask, fullSpeed: () => fullSpeed };
}

test('the first one puts the process to full speed', async () => {
  const { ask, fullSpeed } = given();
  expect(fullSpeed()).toBe(0);
  for (let n = 0; n < 2 * AT_ONCE; n++) void ask(n);
  expect(fullSpeed()).toBe(1);
});

test('a few are made at once, the others wait in line', async () => {
  const { started, finish, ask } = given();
  const asked = Array.from({ length: AT_ONCE + 2 }, (_, n) => ask(n));
  await turn();
  expect(started).toHaveLength(AT_ONCE);
  for (let n = 0; n < asked.length; n++) {
    finish[n]?.();
    await turn();
    expect(started).toHaveLength(Math.min(asked.length, AT_ONCE + n + 1));
  }
  expect(await Promise.all(asked)).toEqual(asked.map((_, n) => n));
  expect(started).toEqual(asked.map((_, n) => n));
});

test('who waits too long is told to come again, who leaves takes no place, and the next one does', async () => {
  const { clock, started, finish, ask } = given();
  for (let n = 0; n < AT_ONCE; n++) void ask(n);
  const late = ask(100);
  const caller = new AbortController();
  const left = ask(101, caller.signal);
  caller.abort(new Error('left'));
  await expect(left).rejects.toThrow('left');
  await clock.advance(4_000);
  await expect(late).rejects.toMatchObject({ name: 'Transient', code: 'service.unavailable', retryAfterSeconds: 2 });
  const next = ask(102);
  finish[0]?.();
  await turn();
  expect(started.slice(AT_ONCE)).toEqual([102]);
  finish[AT_ONCE]?.();
  expect(await next).toBe(102);
});

test('a tenant that asks for many keeps nobody from theirs: those who wait take turns', async () => {
  const { started, finish, ask } = given();
  for (let n = 0; n < AT_ONCE + 20; n++) void ask(n);
  void ask(100, here, 'globex');
  void ask(200, here, 'initech');
  void ask(101, here, 'globex');
  for (let n = 0; n < 7; n++) {
    finish[n]?.();
    await turn();
  }
  expect(started.slice(AT_ONCE)).toEqual([4, 100, 200, 5, 101, 6, 7]);
});

test('no place is lost on a line that everybody left', async () => {
  const { started, finish, ask } = given();
  for (let n = 0; n < AT_ONCE; n++) void ask(n);
  const caller = new AbortController();
  const left = ask(100, caller.signal, 'globex');
  caller.abort(new Error('left'));
  await expect(left).rejects.toThrow('left');
  finish[0]?.();
  await turn();
  void ask(101);
  expect(started.at(-1)).toBe(101);
});

test('one that fails gives its place on', async () => {
  const pages = new LargePages(virtualClock(), () => undefined);
  const fails = async () => Promise.reject(new Error('no'));
  for (let n = 0; n < AT_ONCE + 1; n++) await expect(pages.make('acme', here, fails)).rejects.toThrow('no');
});
