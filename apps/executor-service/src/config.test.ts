import { parseConfig } from '@convergence/service';
import { describe, expect, test } from '@jest/globals';
import { assumeRoleKeys, checkConfig, executorFields } from './config.ts';

const LOCAL = Object.fromEntries(['PUBSUB', 'BIGQUERY', 'BIGQUERY_STORAGE', 'KMS'].map((name) => [`${name}_EMULATOR_HOST`, '127.0.0.1:1']));
const parse = (env: Record<string, string>) => parseConfig('executor-service', executorFields, env, checkConfig);

describe('settings', () => {
  test.each(['AWS_EMULATOR_HOST', 'AZURE_EMULATOR_HOST'])('%s, which is shown secrets, is heard only beside local-cloud', (name) => {
    expect(() => parse({ [name]: '127.0.0.1:1' })).toThrow(`${name} is only for local-cloud`);
    parse({ ...LOCAL, [name]: '127.0.0.1:1' });
  });

  test('half of the keys that assume roles is none', () => {
    const [id, secret] = [{ ASSUME_ROLE_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE' }, { ASSUME_ROLE_SECRET_ACCESS_KEY: 'x'.repeat(40) }];
    for (const half of [id, secret]) expect(() => parse({ ...LOCAL, ...half })).toThrow(/must be set together/);
    expect(assumeRoleKeys(parse({ ...LOCAL, ...id, ...secret }))).toEqual({
      accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
      secretAccessKey: 'x'.repeat(40),
    });
    expect(assumeRoleKeys(parse(LOCAL))).toBeUndefined();
  });
});
