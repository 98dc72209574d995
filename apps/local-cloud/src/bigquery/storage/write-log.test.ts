import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { WriteLog } from './write-log.ts';

let dir: string;
let log: WriteLog;
/** Every flush to the disk, which ends when the test lets it. */
let flushes: { of: number; end: () => void; fail: (cause: Error) => void }[];
let held = true;
let handles: FileHandle;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'write-log-'));
  log = await opened(dir);
  flushes = [];
  held = true;
  const probe = await open(join(dir, 'probe'), 'w');
  handles = Object.getPrototypeOf(probe) as FileHandle;
  const really = handles.datasync;
  jest.spyOn(handles, 'datasync').mockImplementation(async function (this: FileHandle) {
    if (held) await new Promise<void>((end, fail) => flushes.push({ of: this.fd, end, fail }));
    await really.call(this);
  });
  await probe.close();
});
afterEach(async () => {
  held = false;
  for (const { end } of flushes) end();
  await log.close().catch(() => undefined);
  jest.restoreAllMocks();
  rmSync(dir, { recursive: true });
});

const opened = (path: string, replay: (text: string) => void = () => undefined) =>
  WriteLog.open(
    join(path, 'log'),
    ({ payload }) => replay(payload.toString()),
    () => [],
  );
const append = (text: string) => log.append(1, [Buffer.from(text)]);
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await pause(5);
}

test('what was appended outlives the process while the disk does not answer', async () => {
  await append('first').durable;
  await until(() => flushes.length === 1);
  await append('second').durable;

  const copy = join(dir, 'copy');
  cpSync(join(dir, 'log'), join(copy, 'log'), { recursive: true });
  const found: string[] = [];
  held = false;
  await (await opened(copy, (text) => found.push(text))).close();
  expect(found).toEqual(['first', 'second']);
});

test('the disk has a record when a flush ended that began after it', async () => {
  const first = append('first');
  await first.durable;
  const firstThere = log.onDisk(first.sequence);
  await until(() => flushes.length === 1);
  const second = append('second');
  await second.durable;
  flushes[0]?.end();
  await firstThere;

  const secondThere = log.onDisk(second.sequence);
  await until(() => flushes.length === 2);
  flushes[1]?.end();
  await secondThere;
  await log.onDisk(second.sequence);
  expect(flushes).toHaveLength(2);
});

test('after a flush that failed everything is refused', async () => {
  const { sequence, durable } = append('first');
  await durable;
  const asked = log.onDisk(sequence);
  await until(() => flushes.length === 1);
  flushes[0]?.fail(new Error('EIO'));
  await expect(asked).rejects.toThrow('the write log failed');
  expect(() => append('second')).toThrow('the write log failed');
});

test('a segment is on the disk before the next begins', async () => {
  const large = Buffer.alloc(20 * 1024 * 1024);
  await log.append(1, [large]).durable;
  await until(() => flushes.length === 1);
  flushes[0]?.end();
  await log.append(1, [large]).durable;
  const third = append('in the next segment');
  await until(() => flushes.length === 2);
  expect(flushes[1]?.of).toBe(flushes[0]?.of);
  held = false;
  flushes[1]?.end();
  await third.durable;
});

test('what comes a while after a segment began reaches the disk by itself', async () => {
  held = false;
  const large = Buffer.alloc(20 * 1024 * 1024);
  await log.append(1, [large]).durable;
  await log.append(1, [large]).durable;
  await pause(600);
  held = true;
  await append('a while later').durable;
  await until(() => flushes.length === 1);
});

test('what was appended before a flush failed and is written after it is refused as well', async () => {
  const first = append('first');
  await first.durable;
  const asked = log.onDisk(first.sequence);
  await until(() => flushes.length === 1);
  const second = append('second');
  flushes[0]?.fail(new Error('EIO'));
  await expect(asked).rejects.toThrow('the write log failed');
  await expect(second.durable).rejects.toThrow('the write log failed');
});

test('what the disk took only a part of is refused', async () => {
  jest.spyOn(handles, 'write').mockResolvedValueOnce({ bytesWritten: 1, buffer: '' } as never);
  await expect(append('first').durable).rejects.toThrow('the write log failed');
});
