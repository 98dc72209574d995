import { describe, expect, test } from '@jest/globals';
import { createFaults, parseFaults } from './faults.ts';

describe('fault points', () => {
  test('fire by plan and count passages and firings', () => {
    const faults = createFaults(() => 0.5);
    faults.declare({ 'a.b': 'breaks' });
    expect(faults.at('a.b')).toBeUndefined();
    faults.set({ 'a.b': { after: 1, times: 2, delayMs: 7 } });
    expect([1, 2, 3, 4].map(() => faults.at('a.b')?.delayMs)).toEqual([undefined, 7, 7, undefined]);
    expect(faults.snapshot()['a.b']).toMatchObject({ passed: 5, fired: 2 });
  });

  test('a probability below the draw does not fire, one above does', () => {
    const faults = createFaults(() => 0.5);
    faults.declare({ p: '' });
    faults.set({ p: { probability: 0.4 } });
    expect(faults.at('p')).toBeUndefined();
    faults.set({ p: { probability: 0.6 } });
    expect(faults.at('p')).toBeDefined();
    faults.set({ p: null });
    expect(faults.at('p')).toBeUndefined();
  });

  test('a name that nobody declared is refused, in a plan and in code', () => {
    const faults = createFaults();
    faults.declare({ known: '' });
    expect(() => faults.set({ typo: {} })).toThrow('known: known');
    expect(() => faults.at('typo')).toThrow('never declared');
  });

  test('are written in the environment as point=probability[:delay][:xTimes]', () => {
    expect(parseFaults('a.b=1, c=0.05:200ms:x3')).toEqual({ 'a.b': { probability: 1 }, c: { probability: 0.05, delayMs: 200, times: 3 } });
    expect(() => parseFaults('a.b')).toThrow('not of the form');
    expect(() => parseFaults('a=2')).toThrow('not of the form');
  });
});
