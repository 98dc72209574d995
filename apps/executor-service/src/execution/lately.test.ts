import { expect, test } from '@jest/globals';
import { Lately } from './lately.ts';

function given() {
  let now = 0;
  let proofs = 0;
  let random = 1;
  const lately = new Lately({ now: () => now }, () => random);
  const prove = (tenant = 'acme', fails = false) =>
    lately.proven(tenant, 'read', async () => {
      proofs++;
      if (fails) throw new Error('no');
    });
  return { lately, prove, proofs: () => proofs, pass: (ms: number) => (now += ms), draw: (n: number) => (random = n) };
}

test('proves once a minute for a tenant, and for each tenant', async () => {
  const { prove, proofs, pass } = given();
  await Promise.all([prove(), prove()]);
  expect(proofs()).toBe(1);
  await prove('globex');
  expect(proofs()).toBe(2);
  pass(60_000);
  await prove();
  expect(proofs()).toBe(3);
});

test('tenants that were proven together are not all proven again together', async () => {
  const { prove, proofs, pass, draw } = given();
  await prove('acme');
  draw(0);
  await prove('globex');
  pass(30_000);
  await Promise.all([prove('acme'), prove('globex')]);
  expect(proofs()).toBe(3);
});

test('a proof that failed is made again', async () => {
  const { prove, proofs } = given();
  await expect(prove('acme', true)).rejects.toThrow('no');
  await prove();
  expect(proofs()).toBe(2);
});

test('those who waited for a proof that failed make another, one for all of them', async () => {
  const { prove, proofs } = given();
  const first = prove('acme', true);
  const waiting = [prove(), prove()];
  await expect(first).rejects.toThrow('no');
  await Promise.all(waiting);
  expect(proofs()).toBe(2);
});

test('a tenant that changed is proven again', async () => {
  const { lately, prove, proofs } = given();
  await prove();
  lately.forget('acme');
  await prove();
  expect(proofs()).toBe(2);
});
