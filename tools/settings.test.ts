/** A setting that a service reads can not be forgotten: the map names all, deploy/ those that a deployment has to bring. */
import { join } from 'node:path';
import { SERVICES } from '@convergence/contracts';
import { baseFields, type Fields } from '@convergence/service';
import { describe, expect, test } from '@jest/globals';
import { root, text } from './workspace.ts';

/** Only tests and this machine have these. */
const NOT_DEPLOYED = /^(CRASH_|INSTANCE_ID$|LOCAL_CLOUD_|HOST$)|_EMULATOR_HOST$/;
const NOT_FOR_PEOPLE = /^CRASH_/;
const common = new Set(Object.values(baseFields(0)).map(({ env }) => env));
const isFields = (exported: unknown): exported is Fields =>
  typeof exported === 'object' && exported !== null && Object.values(exported).every((field) => typeof field?.env === 'string');

describe.each(SERVICES)('the settings of %s', (service) => {
  const fields = async () => {
    const exported: Record<string, unknown> = await import(join(root, `apps/${service}/src/config.ts`));
    const found = Object.values(exported).filter(isFields);
    expect(found).toHaveLength(1);
    return Object.values(found[0] as Fields);
  };
  /** The service's own line, or what is said of all. */
  const missingIn = (prose: string, names: readonly string[]) => names.filter((name) => !new RegExp(`\`${name}\\b`).test(prose));

  test('stand in docs/README.md: its own in its line, those of all below', async () => {
    const names = (await fields()).map(({ env }) => env).filter((name) => !NOT_FOR_PEOPLE.test(name));
    const [line = ''] = new RegExp(`^\\| ${service} \\| \\d+ .*$`, 'm').exec(text('docs/README.md')) ?? [];
    const [all = ''] = /^Every service also reads[\s\S]*?\n\n/m.exec(text('docs/README.md')) ?? [];
    expect(
      missingIn(
        line,
        names.filter((name) => !common.has(name)),
      ),
    ).toEqual([]);
    expect(
      missingIn(
        all,
        names.filter((name) => common.has(name)),
      ),
    ).toEqual([]);
  });

  test('that have no default, or one of this machine, stand in deploy/README.md', async () => {
    const brought = (await fields()).filter(
      ({ fallback }) => fallback?.value === undefined || /localhost|127\.0\.0\.1|\blocal$/.test(String(fallback.value)),
    );
    const names = brought.map(({ env }) => env).filter((name) => !NOT_DEPLOYED.test(name));
    expect(missingIn(text('deploy/README.md'), names)).toEqual([]);
  });
});
