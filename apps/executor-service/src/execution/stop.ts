/** Why a run is stopped before its steps are done; the reason of the abort signal that steps hear. */
export type StopKind = 'cancelled' | 'timeout' | 'lease_lost' | 'draining';

export class RunStopped extends Error {
  override readonly name = 'RunStopped';
  readonly kind: StopKind;
  constructor(kind: StopKind, message: string) {
    super(message);
    this.kind = kind;
  }
}

export const outOfTime = ({ timeoutMinutes }: { readonly timeoutMinutes: number }): RunStopped =>
  new RunStopped('timeout', `The run took longer than ${timeoutMinutes} minutes.`);
