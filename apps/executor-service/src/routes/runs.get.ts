import { runsDq, runsGet, runsSteps } from '@convergence/contracts';
import { route } from '@convergence/service';
import type { Executor } from '../executor.ts';
import { runView } from '../index/run-view.ts';

export const runsGetRoute = ({ runs }: Pick<Executor, 'runs'>) =>
  route(runsGet, async ({ params, principal }) => {
    const record = await runs.get(params.run_id, principal);
    const [steps, dq, attempts] = await Promise.all([runs.steps(record), runs.dq(record), runs.attempts(record)]);
    return { body: { ...runView(record), steps, dq, attempts } };
  });

export const runsStepsRoute = ({ runs }: Pick<Executor, 'runs'>) =>
  route(runsSteps, async ({ params, principal }) => ({
    body: { items: await runs.steps(await runs.get(params.run_id, principal)), next_cursor: null },
  }));

export const runsDqRoute = ({ runs }: Pick<Executor, 'runs'>) =>
  route(runsDq, async ({ params, principal }) => ({
    body: { items: await runs.dq(await runs.get(params.run_id, principal)), next_cursor: null },
  }));
