import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { SERVICES, serviceAccount } from '@convergence/contracts';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { root } from './workspace.ts';

/** gcloud as far as the script needs it: accounts and bindings as lines of two files; a new account is unknown to the first who grants. */
const GCLOUD = `#!/usr/bin/env bash
cd "$STATE"; touch accounts bindings fresh
case "$1 $2 $3" in
  'iam service-accounts list') cat accounts ;;
  'iam service-accounts create')
    grep -q "^$4@" accounts && { echo "already exists: $4" >&2; exit 1; }
    echo "$4@my-project.iam.gserviceaccount.com" | tee -a accounts >> fresh ;;
  'projects get-iam-policy my-project') cat bindings ;;
  'projects add-iam-policy-binding my-project')
    member=\${4#--member=serviceAccount:}; role=\${5#--role=}
    grep -q "^$member$" accounts || { echo "no such account: $member" >&2; exit 1; }
    if grep -q "^$member$" fresh; then sed -i.old "/^$member$/d" fresh; echo 'does not exist yet' >&2; exit 1; fi
    printf '%s\\tserviceAccount:%s\\n' "$role" "$member" >> bindings ;;
  *) echo "unexpected: $*" >&2; exit 2 ;;
esac
`;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'accounts-'));
  writeFileSync(join(folder, 'gcloud'), GCLOUD, { mode: 0o755 });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function run(project: string | undefined = 'my-project') {
  const env = {
    PATH: `${folder}${delimiter}${process.env.PATH}`,
    STATE: folder,
    ACCOUNTS_PAUSE: '0',
    ...(project && { GCP_PROJECT_ID: project }),
  };
  const { status, stdout, stderr } = spawnSync(join(root, 'deploy/accounts.sh'), { env, encoding: 'utf8' });
  return { status, said: stdout.trim(), stderr };
}
const lines = (file: string): string[] =>
  existsSync(join(folder, file)) ? readFileSync(join(folder, file), 'utf8').trim().split('\n') : [];

describe('deploy/accounts.sh', () => {
  test('makes the account of each service that contracts name, with its roles', () => {
    expect(run()).toMatchObject({ status: 0, said: expect.stringMatching(/^\d+ accounts and roles made\.$/) });
    expect(lines('accounts')).toEqual(SERVICES.map((service) => serviceAccount('my-project', service)));
    const roles = (service: (typeof SERVICES)[number]) =>
      lines('bindings').filter((line) => line.endsWith(`\tserviceAccount:${serviceAccount('my-project', service)}`));
    for (const service of SERVICES) expect(roles(service).length).toBeGreaterThan(0);
    expect(roles('gateway').join()).not.toContain('bigquery');
    expect(lines('bindings').join()).not.toMatch(/roles\/(owner|editor)\b|bigquery\.(admin|dataEditor|dataOwner)/);
  });

  test('changes nothing the second time', () => {
    run();
    const before = [lines('accounts'), lines('bindings')];
    expect(run()).toMatchObject({ status: 0, said: 'Nothing was missing.' });
    expect([lines('accounts'), lines('bindings')]).toEqual(before);
  });

  test('makes what is missing of what is there half', () => {
    writeFileSync(join(folder, 'accounts'), `${serviceAccount('my-project', 'gateway')}\n`);
    writeFileSync(join(folder, 'bindings'), `roles/pubsub.publisher\tserviceAccount:${serviceAccount('my-project', 'gateway')}\n`);
    expect(run().status).toBe(0);
    expect(lines('accounts').sort()).toEqual(SERVICES.map((service) => serviceAccount('my-project', service)).sort());
    expect(lines('bindings').filter((line) => line.startsWith('roles/pubsub.publisher\t'))).toHaveLength(SERVICES.length);
  });

  test('wants a project', () => {
    expect(run('')).toMatchObject({ status: 1, stderr: expect.stringContaining('GCP_PROJECT_ID') });
  });
});
