/**
 * Admission of a run whose like may just have ended. Its owner hears of an end a moment after whoever watched the run, takes it for live
 * so long, and would answer with it: asked again until it has heard.
 */
import { type AdmissionDecision, Transient } from '@convergence/contracts';
import type { Clock } from '@convergence/ports';

const HEARD_WITHIN_MS = 5_000;
const ASKED_AGAIN_MS = 100;

export async function admitAfterEnd(
  admit: () => Promise<AdmissionDecision>,
  hasEnded: (runId: string) => Promise<boolean>,
  clock: Pick<Clock, 'now' | 'sleep'>,
): Promise<AdmissionDecision> {
  const until = clock.now() + HEARD_WITHIN_MS;
  for (;;) {
    const decision = await admit();
    if (decision.outcome !== 'existing' || !(await hasEnded(decision.existing_run_id))) return decision;
    if (clock.now() >= until) throw new Transient('That the run ended has not been heard everywhere yet; nothing was started. Ask again.');
    await clock.sleep(ASKED_AGAIN_MS);
  }
}
