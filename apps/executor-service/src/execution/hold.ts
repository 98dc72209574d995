/** `ended`: told and done. `handed_back`: somebody else goes on with it. */
export type ExecutionEnd = 'ended' | 'handed_back';

export interface Hold {
  /** Aborted with a RunStopped when this worker must let go of the run. */
  readonly stop: AbortController;
  /** Aborted when the process goes: what runs is finished, nothing more is started. */
  readonly drain: AbortSignal;
  readonly redelivered: boolean;
}
