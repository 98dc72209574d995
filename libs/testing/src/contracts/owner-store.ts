import assert from 'node:assert/strict';
import type { OwnerStore } from '@convergence/ports';

/** Each gets a store with a fresh row for `tenants`, never taken. */
export const ownerStorePromises: Readonly<Record<string, (owners: OwnerStore) => Promise<void>>> = {
  'a fresh row says where to begin; an unknown slice has none': async (owners) => {
    assert.deepEqual(await owners.read('tenants'), {
      slice: 'tenants',
      owner: null,
      epoch: 0,
      stream: null,
      streamStart: 0,
      checkpoint: 0,
      checkpointAt: null,
      redoFirst: 1,
      redoLast: 0,
      published: 0,
      publishedAt: null,
      released: true,
    });
    assert.equal(await owners.read('nobody'), undefined);
  },
  'of ten that take over from one epoch exactly one hears yes': async (owners) => {
    const heard = await Promise.all(Array.from({ length: 10 }, (_, i) => owners.takeOver('tenants', 0, `p${i}`)));
    assert.equal(heard.filter(Boolean).length, 1);
    const row = await owners.read('tenants');
    assert.equal(row?.epoch, 1);
    assert.equal(row.owner, `p${heard.indexOf(true)}`);
  },
  'who asks again hears yes again; who has the wrong epoch never does': async (owners) => {
    assert.equal(await owners.takeOver('tenants', 0, 'a'), true);
    assert.equal(await owners.takeOver('tenants', 0, 'b'), false);
    assert.equal(await owners.takeOver('tenants', 5, 'b'), false);
    assert.equal(await owners.takeOver('tenants', 1, 'b'), true);
  },
  'what is recorded is read back, and stays over a take-over': async (owners) => {
    await owners.takeOver('tenants', 0, 'a');
    const change = { stream: 's1', streamStart: 7, checkpoint: 9, checkpointAt: '2026-01-15T10:00:00.123Z', redoFirst: 10, redoLast: 12 };
    assert.equal(await owners.record('tenants', 1, 'a', { ...change, released: false }), true);
    assert.equal(await owners.record('tenants', 1, 'a', { published: 5, publishedAt: '2026-01-15T10:00:00.000Z' }), true);
    await owners.takeOver('tenants', 1, 'b');
    const row = await owners.read('tenants');
    assert.deepEqual(
      { ...row },
      {
        slice: 'tenants',
        owner: 'b',
        epoch: 2,
        ...change,
        published: 5,
        publishedAt: '2026-01-15T10:00:00.000Z',
        released: false,
      },
    );
  },
  'a deposed owner records nothing': async (owners) => {
    await owners.takeOver('tenants', 0, 'a');
    await owners.takeOver('tenants', 1, 'b');
    assert.equal(await owners.record('tenants', 1, 'a', { checkpoint: 100 }), false);
    assert.equal((await owners.read('tenants'))?.checkpoint, 0);
  },
  'a checkpoint never moves backwards': async (owners) => {
    await owners.takeOver('tenants', 0, 'a');
    await owners.record('tenants', 1, 'a', { checkpoint: 20, redoFirst: 21, redoLast: 22 });
    assert.equal(await owners.record('tenants', 1, 'a', { checkpoint: 10, redoFirst: 11, redoLast: 12 }), true);
    assert.deepEqual((await owners.read('tenants'))?.redoFirst, 21);
  },
};
