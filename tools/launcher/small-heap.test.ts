import { spawnSync } from 'node:child_process';
import { expect, test } from '@jest/globals';
import { NO_SECRETS, plan, SMALL_HEAP } from './plan.ts';

test('a service with a small heap gets a young generation of its full size once it is busy', () => {
  const program = `
    import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
    setFlagsFromString('--no-optimize-for-size');
    const kept = [];
    for (let n = 0; n < 3000; n++) kept[n % 50] = Array.from({ length: 1000 }, (_, at) => ({ at }));
    console.log(getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space').space_size / 2 ** 20);`;
  const { stdout, stderr } = spawnSync(process.execPath, [...SMALL_HEAP, '--input-type=module', '-e', program], { encoding: 'utf8' });
  expect(stderr).toBe('');
  // Two semi-spaces of 16 MB.
  expect(Number(stdout)).toBe(32);
});

test('processes that share a cache of compiled code take what another one wrote', () => {
  const { cloud, services, provisionEnv } = plan('/repo', {}, NO_SECRETS, () => true);
  const program = "import { cachedDataVersionTag } from 'node:v8'; console.log(cachedDataVersionTag());";
  const tags = new Map<string | undefined, Set<string>>();
  for (const { nodeOptions, env } of [cloud, ...services, { nodeOptions: [], env: provisionEnv }]) {
    const { stdout } = spawnSync(process.execPath, [...nodeOptions, '--input-type=module', '-e', program], { encoding: 'utf8' });
    tags.set(env.NODE_COMPILE_CACHE, (tags.get(env.NODE_COMPILE_CACHE) ?? new Set()).add(stdout));
  }
  expect([...tags.values()].map((shared) => shared.size)).toEqual([1, 1]);
});
