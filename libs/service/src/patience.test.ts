import { Refusal } from '@convergence/contracts';
import { describe, expect, test } from '@jest/globals';
import { patiently } from './patience.ts';

describe('patience', () => {
  test('hands through what comes in time, and refusals', async () => {
    expect(await patiently('Pub/Sub', async () => 7)).toBe(7);
    const refusal = new Refusal('request.invalid', 'no');
    await expect(patiently('Pub/Sub', () => Promise.reject(refusal))).rejects.toBe(refusal);
  });

  test('what never answers, or fails, is "not now"', async () => {
    await expect(patiently('Pub/Sub', () => new Promise(() => {}), 5)).rejects.toMatchObject({
      name: 'Transient',
      message: 'Pub/Sub does not answer.',
    });
    await expect(patiently('Pub/Sub', () => Promise.reject(new Error('14 UNAVAILABLE')))).rejects.toMatchObject({
      name: 'Transient',
      message: 'Pub/Sub is not available.',
    });
  });
});
