import type { StepSpec, Template } from '@convergence/pipelines';
import { type FakeWarehouse, fakeWarehouse, sampleRun } from '@convergence/testing';
import type { Message } from '../notify/messenger.ts';
import type { Credential, StepContext } from '../step.ts';

export interface ContextUnderTest extends StepContext {
  readonly warehouse: FakeWarehouse;
  readonly sent: Message[];
  readonly slept: number[];
}

/** A step's surroundings with nothing real in them. Time passes only by sleeping. */
export function stepContext(
  config: unknown,
  more: Partial<StepContext> & { readonly secret?: Credential['secret'] } = {},
): ContextUnderTest {
  const sent: Message[] = [];
  const slept: number[] = [];
  let now = Date.parse('2025-11-16T06:00:00Z');
  const step: StepSpec = {
    id: 'load',
    type: 'x',
    description: undefined,
    with: config as StepSpec['with'],
    dependsOn: [],
    when: 'succeeded',
    onFailure: 'stop',
    enabled: true,
    timeoutMinutes: undefined,
    retry: { maxAttempts: 1, backoffSeconds: 0, multiplier: 1 },
  };
  const template: Template = {
    name: 't',
    ref: { provider: 'openai', domain: 'cost', template: 't' },
    tenantId: undefined,
    aliases: [],
    description: '',
    version: 1,
    hash: 'h',
    file: 'configs/openai/cost/t.yml',
    parameters: [],
    credentials: {},
    timeoutMinutes: 60,
    maxParallelSteps: 10,
    notify: { on_failure: [], on_success: [] },
    steps: [step],
    source: '',
    sqlFiles: {},
  };
  const run = sampleRun(1, {
    tenant_id: 'acme_corp',
    pipeline_id: 'acme_corp-openai-cost-t',
    ...template.ref,
    parameters: {},
    parameters_hash: '0'.repeat(64),
    run_date: '2025-11-15',
  });
  const warehouse = fakeWarehouse();
  const { secret, ...rest } = more;
  return {
    run,
    template,
    step,
    config,
    tenant: {
      tenant_id: 'acme_corp',
      company_name: 'Acme',
      admin_email: 'ops@acme.example',
      dataset: 'acme_corp',
      plan: 'STARTER',
      provider_configs: [],
    },
    variables: { date: '2025-11-15' },
    attempt: 1,
    clock: {
      now: () => now,
      sleep: async (ms) => {
        slept.push(ms);
        now += ms;
      },
    },
    signal: new AbortController().signal,
    log: { info: () => undefined, warn: () => undefined },
    location: 'US',
    warehouseOf: () => warehouse,
    credential: async () => ({ credential_id: 'c', provider: 'OPENAI', project_id: null, secret: secret ?? {} }),
    objectStore: async () => {
      throw new Error('no objects here');
    },
    openSealed: async (recordId, sealed) => `${sealed} of ${recordId}`,
    mayBeDone: false,
    provenLately: (_, prove) => prove(),
    outcomeOf: () => undefined,
    messenger: {
      send: async (message) => {
        sent.push(message);
        return true;
      },
    },
    failure: null,
    crashPoint: () => undefined,
    fetch,
    ...rest,
    warehouse,
    sent,
    slept,
  };
}
