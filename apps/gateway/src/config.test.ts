import { parseConfig } from '@convergence/service';
import { describe, expect, test } from '@jest/globals';
import { adminKeys, checkConfig, fields } from './config.ts';

const LOCAL = Object.fromEntries(['PUBSUB', 'BIGQUERY', 'BIGQUERY_STORAGE', 'KMS'].map((name) => [`${name}_EMULATOR_HOST`, '127.0.0.1:1']));
const parse = (env: Record<string, string>) => parseConfig('gateway', fields, env, checkConfig);

describe('settings', () => {
  test('a laptop needs none, and has its admin key', () => {
    expect(adminKeys(parse(LOCAL))).toEqual(['dev-admin-key']);
  });

  test('production does not start without a way to be an operator', () => {
    expect(() => parse({})).toThrow(/ADMIN_API_KEY or ADMIN_OIDC_AUDIENCE must be set/);
    expect(adminKeys(parse({ ADMIN_OIDC_AUDIENCE: 'https://api.example.com', ADMIN_OIDC_EMAILS: 's@p.iam.gserviceaccount.com' }))).toEqual([
      '',
    ]);
  });

  test('production does not start with a short admin key, and does not print it', () => {
    const starting = () => parse({ ADMIN_API_KEY: 'dev-admin-key' });
    expect(starting).toThrow(/at least 16 characters/);
    expect(starting).not.toThrow(/dev-admin-key/);
  });

  test('Google tokens without a list of who may come open nothing', () => {
    expect(() => parse({ ...LOCAL, ADMIN_OIDC_AUDIENCE: 'https://api.example.com' })).toThrow(/ADMIN_OIDC_EMAILS/);
  });

  test('several admin keys are valid while one is being changed', () => {
    expect(adminKeys(parse({ ...LOCAL, ADMIN_API_KEY: 'one, two' }))).toEqual(['one', 'two']);
  });

  test.each(['app.example.com', 'https://app.example.com/', 'https://*.example.com/x'])('%s is no origin', (origin) => {
    expect(() => parse({ ...LOCAL, CORS_ORIGINS: origin })).toThrow(/CORS_ORIGINS/);
  });
});
