import { describe, expect, test } from '@jest/globals';
import { baseFields, checkBase, isLocal } from './base-config.ts';
import { ConfigError, integer, parseConfig, secret, secretValues, text, url } from './config.ts';

const fields = {
  port: integer('PORT', { default: 8080, min: 0, max: 65535 }),
  peer: url('PEER_URL'),
  key: secret('ADMIN_API_KEY', { minLength: 12 }),
  note: text('NOTE', { default: undefined }),
};
const good = { PEER_URL: 'http://peer:1/', ADMIN_API_KEY: 'a-long-enough-key' };

describe('configuration', () => {
  test('is parsed, defaulted and frozen', () => {
    const config = parseConfig('svc', fields, { ...good, PORT: ' 9000 ', NOTE: '' });
    expect(config).toEqual({ port: 9000, peer: 'http://peer:1', key: 'a-long-enough-key', note: undefined });
    expect(Object.isFrozen(config)).toBe(true);
    expect(secretValues(fields, config)).toEqual(['a-long-enough-key']);
  });

  test('names every bad variable in one message, with its problem and an example, and never a secret', () => {
    const start = () => parseConfig('svc', fields, { PORT: '99999', PEER_URL: 'peer', ADMIN_API_KEY: 'hunter2' });
    expect(start).toThrow(ConfigError);
    let message = '';
    try {
      start();
    } catch (error) {
      message = (error as Error).message;
    }
    expect(message).toContain('svc cannot start, 3 settings are wrong');
    expect(message).toContain('PORT must be between 0 and 65535 (it is "99999"); example: PORT=8080');
    expect(message).toContain('PEER_URL must be an http:// or https:// URL (it is "peer"); example: PEER_URL=http');
    expect(message).toContain('ADMIN_API_KEY must be at least 12 characters long (its value is not shown)');
    expect(message).not.toContain('hunter2');
  });

  test('an unset variable without default is named', () => {
    expect(() => parseConfig('svc', fields, { ADMIN_API_KEY: 'a-long-enough-key' })).toThrow(/PEER_URL is not set; example: PEER_URL=/);
  });
});

describe('settings all services share', () => {
  const base = (env: Record<string, string>) => parseConfig('svc', baseFields(8080), env);
  const local = {
    PUBSUB_EMULATOR_HOST: '127.0.0.1:8085',
    BIGQUERY_EMULATOR_HOST: 'http://127.0.0.1:9050',
    BIGQUERY_STORAGE_EMULATOR_HOST: '127.0.0.1:9060',
    KMS_EMULATOR_HOST: '127.0.0.1:9070',
  };
  test('four emulator hosts make it local, where nothing else is required', () => {
    expect(isLocal(base(local))).toBe(true);
    expect(base(local).bigqueryHost).toBe('127.0.0.1:9050');
    expect(checkBase(base({ ...local, DISABLE_AUTH: 'true' }))).toEqual([]);
  });
  test('three of them are a mistake', () => {
    const { KMS_EMULATOR_HOST: _, ...three } = local;
    expect(checkBase(base(three)).join()).toContain('all together');
  });
  test('without them DISABLE_AUTH is refused and a signing key is required', () => {
    const problems = checkBase(base({ DISABLE_AUTH: 'true' })).join('\n');
    expect(problems).toContain('DISABLE_AUTH is only allowed');
    expect(problems).toContain('INTERNAL_SIGNING_KEY must be set');
  });
  test('without them a service must check who of ours calls; the door has no such callers', () => {
    const problems = (env: Record<string, string>, door = false) =>
      checkBase(base({ INTERNAL_SIGNING_KEY: 'k'.repeat(32), ...env }), { door });
    expect(problems({}).join()).toMatch(/INTERNAL_AUDIENCE must be set.*INTERNAL_CALLERS must name/);
    expect(problems({ INTERNAL_AUDIENCE: 'https://x.a.run.app' }).join()).toMatch(/^INTERNAL_CALLERS/);
    expect(problems({ INTERNAL_AUDIENCE: 'https://x.a.run.app', INTERNAL_CALLERS: 'gateway@p.iam.gserviceaccount.com' })).toEqual([]);
    expect(problems({}, true)).toEqual([]);
  });
});
