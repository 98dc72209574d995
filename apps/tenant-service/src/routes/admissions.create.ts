import { type AdmissionDecision, AdmitRequest, AdmitResponse } from '@convergence/contracts';
import { internalRoute } from '@convergence/service';
import type { Tenants } from '../tenants.ts';
import { asked } from '../tenants-slice.ts';

/** Decisions for many runs, in the order given, journalled as one batch. */
export const admissionsCreateRoute = ({ slice }: Pick<Tenants, 'slice'>) =>
  internalRoute(
    {
      method: 'POST',
      path: '/internal/admissions',
      callers: ['gateway', 'scheduler-service', 'executor-service'],
      body: AdmitRequest,
      response: AdmitResponse,
    },
    async (call) => {
      const { runs, asked_by = {}, commands = {} } = call.body;
      const admissions = runs.map((run) => ({ kind: 'admit' as const, run, command: commands[run.run_id] }));
      const byCaller = asked(call);
      const outcomes = await slice.executeMany(admissions, (index) => {
        const actor = asked_by[runs[index]?.run_id ?? ''];
        return actor ? { ...byCaller, actor } : byCaller;
      });
      return {
        body: {
          decisions: outcomes.map((outcome) => {
            if ('refusal' in outcome) throw outcome.refusal;
            return outcome.reply as AdmissionDecision;
          }),
        },
      };
    },
  );
