import { expect, test } from '@jest/globals';
import { createClock } from './clock.ts';

test('virtual time runs at its factor and never jumps back when the factor changes', () => {
  let wall = 1000;
  const clock = createClock(() => wall);
  wall = 1100;
  expect(clock.now()).toBe(1100);
  clock.setFactor(10);
  expect(clock.now()).toBe(1100);
  wall = 1200;
  expect(clock.now()).toBe(2100);
  clock.setFactor(1);
  expect(clock.now()).toBe(2100);
  wall = 1300;
  expect(clock.now()).toBe(2200);
  expect(clock.real(50)).toBe(50);
});
