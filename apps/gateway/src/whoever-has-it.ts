import { type Operation, Refusal } from '@convergence/contracts';
import type { InternalClient, Reply } from '@convergence/service';
import { forward, type Handle, type OperationCall, tenantOf } from './forward.ts';
import type { Owners } from './owners.ts';

export interface RunOwners {
  readonly owners: Owners;
  /** Aborted when this gateway drains. */
  readonly draining: AbortSignal;
}

/** Whoever has a run answers for it: an executor; or the scheduler, in whose queue it still waits. */
export function whoeverHasIt(
  operation: Operation,
  { owners, draining }: RunOwners,
  queued: (call: OperationCall, scheduler: InternalClient) => Promise<Reply>,
): Handle {
  const executors = forward(operation, 'executor-service', owners, draining);
  return async (call) => {
    try {
      return await executors(call);
    } catch (unknown) {
      if (!notFound(unknown)) throw unknown;
      const reply = await queued(call, owners.of('scheduler-service', tenantOf(call))).catch((error: unknown) => {
        if (!notFound(error)) throw error;
      });
      // It may have left the queue for an executor in between.
      return reply ?? executors(call);
    }
  };
}

const notFound = (error: unknown): boolean => error instanceof Refusal && error.code === 'run.not_found';
