import type { RunContextResponse } from '@convergence/contracts';
import type { Template } from '@convergence/pipelines';
import { type Message, StepFailure } from '@convergence/steps';
import { keptLog } from '@convergence/testing';
import { expect, test } from '@jest/globals';
import type { Announcer, Requested } from './announcer.ts';
import { Execution } from './execution.ts';
import type { ExecutionTools } from './execution-tools.ts';
import type { Hold } from './hold.ts';
import { tellEnd } from './run-notification.ts';

const away = (transient: boolean) => new StepFailure('source_not_ready', 'notify.mail', 'The e-mail could not be sent.', { transient });

test.each([
  ['is away for a moment', [away(true), away(true)], 3, 1],
  ['stays away', [away(true), away(true), away(true), away(true)], 3, 0],
  ['refuses the address', [away(false), away(false)], 1, 0],
])('a mail server that %s', async (_, failures: Error[], tries, sent) => {
  const asked: Message[] = [];
  const logged: unknown[] = [];
  const messenger = {
    send: async (message: Message) => {
      asked.push(message);
      const failure = failures[asked.length - 1];
      if (failure) throw failure;
      return true;
    },
  };
  // Its tries follow each other at once; its time is never up.
  const clock = { now: () => 0, sleep: (ms: number) => new Promise<void>((resolve) => ms < 60_000 && resolve()) };
  await tellEnd({
    run: { run_id: 'r', pipeline_id: 'p', provider: 'gcp', domain: 'cost' } as Requested,
    template: { notify: { on_failure: ['email'], on_success: [] } } as unknown as Template,
    context: { tenant_id: 'acme', admin_email: 'ops@acme.example', provider_configs: [] } as unknown as RunContextResponse,
    status: 'FAILED',
    error: null,
    execution: { wasDone: () => false, logExtra: async (...row: unknown[]) => void logged.push(row) } as unknown as Execution,
    tools: { messenger, clock, random: () => 0, log: keptLog(), keys: {} } as unknown as ExecutionTools,
  });
  expect([asked.length, new Set(asked.map((m) => m.dedupKey)).size]).toEqual([tries, 1]);
  expect(logged).toEqual([['x_notification', 'notify', { sent }]]);
});

test('it stands among the steps of the run for who watches as for who reads the log', async () => {
  const logged: unknown[] = [];
  const told: unknown[] = [];
  const execution = new Execution(
    { run_id: 'r' } as Requested,
    { timeoutMinutes: 1 } as Template,
    { dataset: 'acme' } as RunContextResponse,
    {
      clock: { now: () => 0 },
      stepLog: { ended: async (_: string, row: unknown) => void logged.push(row) },
      crashPoint: async () => undefined,
    } as unknown as ExecutionTools,
    { progress: (step: unknown) => void told.push(step) } as unknown as Announcer,
    { stop: new AbortController() } as unknown as Hold,
  );
  await execution.logExtra('x_notification', 'notify', { sent: 1 });
  expect(logged).toMatchObject([{ step_name: 'x_notification', step_type: 'notify', status: 'COMPLETE' }]);
  expect(told).toMatchObject([{ step_id: 'x_notification', step_type: 'notify', status: 'COMPLETE' }]);
});
