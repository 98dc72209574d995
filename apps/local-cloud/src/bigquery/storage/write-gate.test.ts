import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { WriteGate } from './write-gate.ts';

test('work alone waits for who is inside, and newcomers wait for it', async () => {
  const gate = new WriteGate();
  const seen: string[] = [];
  await gate.enter();
  const alone = gate.alone(1000, async () => {
    seen.push('alone');
    await pause(5);
    seen.push('done');
  });
  const late = gate.enter().then(() => seen.push('late'));
  await pause(5);
  expect(seen).toEqual([]);
  gate.leave();
  expect(await alone).toBe(true);
  await late;
  expect(seen).toEqual(['alone', 'done', 'late']);
});

test('who stays inside is not waited for without end, and newcomers come in again', async () => {
  const gate = new WriteGate();
  await gate.enter();
  let worked = false;
  const work = async () => {
    worked = true;
  };
  const alone = gate.alone(5, work);
  const late = gate.enter();
  expect(await alone).toBe(false);
  await late;
  expect(worked).toBe(false);
  gate.leave();
  gate.leave();
  expect(await gate.alone(5, work)).toBe(true);
  expect(worked).toBe(true);
});

test('the gate opens again when the work fails', async () => {
  const gate = new WriteGate();
  await expect(gate.alone(5, () => Promise.reject(new Error('full')))).rejects.toThrow('full');
  await gate.enter();
});
