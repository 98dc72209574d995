import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { readKeyFile, writeKeyFile } from './key-file.ts';

describe('the key file', () => {
  let dir: string;
  let path: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'key-file-'));
    path = join(dir, 'kms-keys.json');
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));
  const content = (name: string) => ({ keyRings: [{ name, createdMs: 1 }], cryptoKeys: [] });
  const mode = () => statSync(path).mode & 0o777;

  test('1: a draft that a dead process left half written and open to all is no key file, and does not spoil the next', () => {
    writeKeyFile(path, content('kept'));
    writeFileSync(`${path}.draft`, '{"keyRings": [{"na', { mode: 0o644 });
    chmodSync(`${path}.draft`, 0o644);
    expect(readKeyFile(path)).toEqual(content('kept'));
    writeKeyFile(path, content('next'));
    expect(readKeyFile(path)).toEqual(content('next'));
    expect(mode()).toBe(0o600);
    expect(existsSync(`${path}.draft`)).toBe(false);
  });

  test('1: a file that somebody opened to others is closed again when it is read', () => {
    writeKeyFile(path, content('kept'));
    chmodSync(path, 0o644);
    readKeyFile(path);
    expect(mode()).toBe(0o600);
  });

  test('no file is no keys', () => expect(readKeyFile(path)).toEqual({ keyRings: [], cryptoKeys: [] }));
});
