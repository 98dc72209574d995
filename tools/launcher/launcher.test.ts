import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from '@jest/globals';
import { Child, closeInOrder, openInOrder } from './child.ts';
import { beginAnew, signingKey } from './data.ts';
import { BadOption, NO_SECRETS, type Plan, type ProcessPlan, plan } from './plan.ts';
import { explainTaken, takenPorts } from './ports.ts';
import { prettifier } from './pretty.ts';

const folder = mkdtempSync(join(tmpdir(), 'launcher-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function script(name: string, code: string): ProcessPlan {
  const main = join(folder, `${name}.mjs`);
  writeFileSync(main, code);
  return { name, main, nodeOptions: [], env: { PATH: process.env.PATH ?? '' }, ports: [], readyUrl: undefined };
}
const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};
async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe('the plan', () => {
  const env = { PORT_OFFSET: '100', ADMIN_API_KEY: 'mine', REFRESH_SECONDS: '7' };
  const made = plan('/repo', env, { signingKey: 'key', token: (name) => `token of ${name}` }, () => true);
  test('PORT_OFFSET moves every port and every address', () => {
    const ports = [made.cloud, ...made.services].flatMap((process) => process.ports.map(({ port }) => port));
    expect(ports).toEqual([8185, 9150, 9160, 9170, 8180, 8181, 8182, 8183]);
    expect(made.samplePort).toBe(8190);
    expect(made.services[0]?.env).toMatchObject({
      PORT: '8180',
      PUBSUB_EMULATOR_HOST: '127.0.0.1:8185',
      BIGQUERY_EMULATOR_HOST: 'http://127.0.0.1:9150',
      KMS_EMULATOR_HOST: '127.0.0.1:9170',
      TENANT_SERVICE_URL: 'http://127.0.0.1:8181',
      INTERNAL_SIGNING_KEY: 'key',
      LOCAL_CLOUD_TOKEN: 'token of gateway',
    });
  });
  test("the caller's own variables win, and reach the services", () => {
    expect(made.services[0]?.env).toMatchObject({ ADMIN_API_KEY: 'mine', REFRESH_SECONDS: '7' });
  });
  test('what is not there is not started', () => {
    expect(plan('/repo', {}, NO_SECRETS, (path) => path.includes('gateway')).services.map((service) => service.name)).toEqual(['gateway']);
  });
  test.each(['x', '-1', '70000', '1.5', '2000', '1030', '1990'])('PORT_OFFSET=%s is refused', (text) => {
    expect(() => plan('/repo', { PORT_OFFSET: text }, NO_SECRETS, () => true)).toThrow(BadOption);
  });
});

test('a taken port is named with its process and the way out', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  const cloud: ProcessPlan = { name: 'x', main: '', nodeOptions: [], env: {}, ports: [{ port, use: 'Pub/Sub' }], readyUrl: undefined };
  const taken = await takenPorts({ cloud, services: [] } as unknown as Plan);
  const text = explainTaken(taken, 0);
  expect(text).toContain(`port ${port} (Pub/Sub) is taken by process ${process.pid}`);
  expect(text).toContain('PORT_OFFSET=100 npm start');
  await new Promise((resolve) => server.close(resolve));
  expect(await takenPorts({ cloud, services: [] } as unknown as Plan)).toEqual([]);
});

test('the gateway is started when all others are ready', async () => {
  const ready = new Map<string, () => void>();
  const started: string[] = [];
  const service = (name: string) => ({ plan: { name } as ProcessPlan, start: () => void started.push(name) });
  const all = openInOrder(['gateway', 'tenant-service', 'executor-service'].map(service), ({ plan: { name } }) => {
    return new Promise((resolve) => ready.set(name, resolve));
  });
  ready.get('tenant-service')?.();
  await new Promise((resolve) => setImmediate(resolve));
  expect(started).toEqual(['tenant-service', 'executor-service']);
  ready.get('executor-service')?.();
  await new Promise((resolve) => setImmediate(resolve));
  expect(started).toEqual(['tenant-service', 'executor-service', 'gateway']);
  ready.get('gateway')?.();
  await all;
});

test('the gateway is stopped before those that it hands requests to, but they do not wait for ever', async () => {
  const stopped: string[] = [];
  const services = ['tenant-service', 'gateway'].map((name) => ({ plan: { name } as ProcessPlan }));
  let gone: () => void = () => undefined;
  const quick = closeInOrder(services, ({ plan: { name } }) => {
    stopped.push(name);
    return name === 'gateway' ? new Promise((resolve) => (gone = resolve)) : Promise.resolve();
  });
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(stopped).toEqual(['gateway']);
  // Nobody lets the gateway go.
  await eventually(() => stopped.length === 2);
  expect(stopped).toEqual(['gateway', 'tenant-service']);
  gone();
  await quick;
});

describe('a child', () => {
  test('that dies is reported with its last lines and started again, later each time', async () => {
    const pauses: number[] = [];
    let last: readonly string[] = [];
    const child = new Child(script('dies', 'console.log("about to fail"); console.error("boom"); process.exit(3)'), {
      line: () => {},
      died: (_, how, lines, again) => {
        expect(how).toBe('ended with exit code 3');
        last = lines;
        pauses.push(again);
      },
    });
    child.start();
    await eventually(() => pauses.length === 2);
    await child.stop(1000);
    expect([...last].sort()).toEqual(['about to fail', 'about to fail', 'boom', 'boom']);
    expect(pauses).toEqual([500, 1000]);
  });

  test('that ignores SIGTERM is killed', async () => {
    const lines: string[] = [];
    const child = new Child(script('stubborn', 'process.on("SIGTERM", () => {}); console.log("up"); setInterval(() => {}, 1000)'), {
      line: (_, line) => void lines.push(line),
      died: () => {},
    });
    child.start();
    await eventually(() => lines.includes('up'));
    const pid = child.pid as number;
    await child.stop(100);
    expect(alive(pid)).toBe(false);
    expect(lines.join()).toContain('did not stop');
  });

  test('never outlives the launcher, even one that was killed with -9', async () => {
    const { main } = script('lives', 'console.log("up"); setInterval(() => {}, 1000)');
    const childModule = fileURLToPath(new URL('child.ts', import.meta.url));
    const parent = join(folder, 'parent.mjs');
    writeFileSync(
      parent,
      `import { Child } from ${JSON.stringify(childModule)};
       const plan = { name: 'lives', main: ${JSON.stringify(main)}, nodeOptions: [], env: {}, ports: [], readyUrl: undefined };
       const child = new Child(plan, { line: () => console.log(String(child.pid)), died: () => {} });
       child.start();`,
    );
    const launcher = spawn(process.execPath, ['--no-warnings', parent], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      const pid = await new Promise<number>((resolve) =>
        launcher.stdout.once('data', (chunk: Buffer) => resolve(Number(chunk.toString()))),
      );
      expect(alive(pid)).toBe(true);
      launcher.kill('SIGKILL');
      await eventually(() => !alive(pid));
    } finally {
      // A test that failed must not leave what keeps Jest from ending.
      launcher.kill('SIGKILL');
    }
  });
});

describe('beginning anew', () => {
  test('removes the data when told to, and keeps the key otherwise', async () => {
    const data = join(folder, 'data');
    const key = signingKey(data);
    expect(key.length).toBeGreaterThan(40);
    expect(signingKey(data)).toBe(key);
    await expect(beginAnew(data, { yes: false, interactive: false })).rejects.toThrow(/--fresh --yes/);
    expect(await beginAnew(data, { yes: true, interactive: false })).toBe(true);
    expect(readdirSync(folder)).not.toContain('data');
  });
  test("refuses a folder that is not the project's data", async () => {
    const other = mkdtempSync(join(folder, 'photos-'));
    writeFileSync(join(other, 'holiday.jpg'), '');
    await expect(beginAnew(other, { yes: true, interactive: false })).rejects.toThrow(/does not look like/);
    expect(readdirSync(other)).toEqual(['holiday.jpg']);
  });
});

test('a log line is made readable; anything else goes through', () => {
  const pretty = prettifier(['gateway'], false);
  const line = JSON.stringify({
    severity: 'ERROR',
    time: '2026-01-02T03:04:05.678Z',
    service: 'gateway',
    'logging.googleapis.com/trace': 'x',
    route: '/a',
    err: { stack: 'Error: no\n  at x', cause: { message: 'deep' } },
    message: 'failed',
  });
  expect(pretty('gateway', line)).toBe(
    '03:04:05.678 gateway           ERROR    failed route=/a\n    Error: no\n      at x\n    caused by:\n    deep',
  );
  expect(pretty('gateway', '{half')).toBe('gateway           {half');
});
