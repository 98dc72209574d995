/**
 * The steps of one run on this worker: which are done, which go now, what came of them.
 *
 * 1. A step's log row is durable before anything that depends on it starts. 2. Steps of it that the log shows as ended, complete,
 * failed or out of the run's time, are not done again. 3. Nothing of one run is seen by another: each has its own variables, signal and outcomes.
 */
import type { RunContextResponse, RunError } from '@convergence/contracts';
import { resolveParameters, resolveText, type StepSpec, type Template, type Variables } from '@convergence/pipelines';
import { nextMove, type StepState } from '@convergence/runs';
import { currentTraceId } from '@convergence/service';
import { STEPS, StepFailure, type StepOutcome } from '@convergence/steps';
import type { Announcer, Requested } from './announcer.ts';
import type { ExecutionTools } from './execution-tools.ts';
import type { Hold } from './hold.ts';
import { givenUp, runError, stoppedError } from './run-error.ts';
import { runVariables } from './run-variables.ts';
import { stepContext } from './step-context.ts';
import { executeStep } from './step-execution.ts';
import { outOfTime, RunStopped } from './stop.ts';
import { keptSteps } from './taken-over.ts';

export class Execution {
  readonly run: Requested;
  readonly template: Template;
  readonly context: RunContextResponse;
  readonly #tools: ExecutionTools;
  readonly #announcer: Announcer;
  readonly #hold: Hold;
  /** Ends what runs beside a step whose log could not be written. */
  readonly #broken = new AbortController();
  readonly #stop: AbortSignal;
  /** When its time is over. */
  readonly #until: number;
  readonly #states = new Map<string, StepState>();
  readonly #outcomes = new Map<string, StepOutcome>();
  #variables: Variables = {};
  failure: StepFailure | undefined;
  /** The same for people. */
  error: RunError | null = null;
  didWork = false;

  constructor(run: Requested, template: Template, context: RunContextResponse, tools: ExecutionTools, announcer: Announcer, hold: Hold) {
    this.run = run;
    this.template = template;
    this.context = context;
    this.#tools = tools;
    this.#announcer = announcer;
    this.#hold = hold;
    this.#until = tools.clock.now() + template.timeoutMinutes * 60_000;
    this.#stop = AbortSignal.any([hold.stop.signal, this.#broken.signal]);
  }

  /** What its parameters, and those of its moment, mean for it; throws where the template does not take them. */
  begin(askedAt: number): void {
    const { run, template, context } = this;
    const resolved = resolveParameters(template, run.parameters, {
      tenantId: run.tenant_id,
      now: askedAt,
      providerConfigs: context.provider_configs,
    });
    if (!resolved.ok) {
      const errors = resolved.errors.map((e) => `${e.path.slice(1)} ${e.message}`).join('; ');
      throw new StepFailure('schema', 'template.parameters_invalid', `The parameters do not fit the template: ${errors}.`, {
        hint: 'Correct them, or the provider configuration they come from.',
      });
    }
    this.#variables = runVariables(run, askedAt, resolved.parameters, context.dataset, this.#tools.environment);
    for (const step of template.steps) this.#states.set(step.id, this.#enabled(step) ? 'waiting' : 'disabled');
  }

  #enabled(step: StepSpec): boolean {
    const value = typeof step.enabled === 'string' ? resolveText(step.enabled, this.#variables) : step.enabled;
    return value === true || value === 'true';
  }

  wasDone(step: string): boolean {
    return this.#outcomes.has(step);
  }

  /** Steps that have begun and came to no end of their own. */
  get underWay(): string[] {
    return [...this.#states].filter(([, state]) => state === 'running' || state === 'cancelled').map(([id]) => id);
  }

  /** Takes over what is done: by an earlier worker of this run, or by the run that this one retries, which goes into the log of this one. */
  async resume(redelivered: boolean): Promise<void> {
    const { run, template } = this;
    const logOf = (runId: string) => this.#tools.stepLog.of(this.context.dataset, runId, this.#stop);
    if (redelivered) {
      const { completed, failed, outOfTime: cut } = await logOf(run.run_id);
      for (const [step, { outcome }] of completed) this.#takeOver(step, outcome);
      for (const [id, failure] of failed) {
        const step = template.steps.find((one) => one.id === id);
        if (!step) continue;
        this.#failRun(step, failure, runError(failure, id));
        this.#states.set(id, 'failed');
      }
      this.didWork ||= completed.size + failed.size + cut.length > 0;
      for (const step of cut) this.#states.set(step, 'cancelled');
      if (cut.length > 0) return this.#hold.stop.abort(outOfTime(template));
    }
    if (run.retry_of === null || run.retry_from === 'start') return;
    const { completed: done } = await logOf(run.retry_of);
    const off = template.steps.filter((step) => this.#states.get(step.id) === 'disabled').map((step) => step.id);
    const hash = (await this.#tools.recordOf(run.retry_of))?.template_hash ?? undefined;
    const before = hash === undefined || hash === template.hash ? undefined : await this.#tools.versions.get(hash);
    const kept = keptSteps(template, before, done.keys(), off, run.retry_from ?? 'failed');
    await Promise.all(
      template.steps.map(async (step) => {
        const log = done.get(step.id);
        if (!log || !kept.has(step.id) || this.#states.get(step.id) !== 'waiting') return;
        this.#takeOver(step.id, log.outcome);
        await this.#log(step, 'COMPLETE', log.started, log.attempts, log.outcome, null, log.ended);
        this.#tell(step, 'COMPLETE', log.attempts, log.outcome.rows, null);
      }),
    );
  }
  #takeOver(step: string, outcome: StepOutcome): void {
    this.#outcomes.set(step, outcome);
    if (this.#states.has(step)) this.#states.set(step, 'complete');
  }

  async carryThrough(): Promise<void> {
    const running = new Map<string, Promise<void>>();
    try {
      while (!this.#stop.aborted) {
        const move = nextMove(this.template.steps, this.#states, this.template.maxParallelSteps);
        for (const { id, state } of move.skip) {
          this.#states.set(id, state);
          await this.#logSkipped(this.#step(id));
        }
        if (move.outcome) return;
        if (this.#hold.drain.aborted) {
          if (running.size === 0) this.#hold.stop.abort(new RunStopped('draining', 'The worker is going away.'));
        } else {
          for (const id of move.start) {
            this.#states.set(id, 'running');
            running.set(
              id,
              this.#runStep(this.#step(id)).finally(() => running.delete(id)),
            );
          }
        }
        if (running.size > 0) await Promise.race(running.values());
      }
      await Promise.all(running.values());
    } catch (error) {
      this.#broken.abort(error);
      await Promise.allSettled(running.values());
      throw error;
    }
  }

  #step(id: string): StepSpec {
    const step = this.template.steps.find((s) => s.id === id);
    if (!step) throw new Error(`no step ${id}`);
    return step;
  }

  async #runStep(step: StepSpec): Promise<void> {
    const { clock, random } = this.#tools;
    const started = new Date(clock.now()).toISOString();
    this.didWork = true;
    this.#tell(step, 'RUNNING', 1, null, null);
    const result = await executeStep(step, ({ number, signal }) => this.#attempt(step, number, signal), {
      clock,
      random,
      stop: this.#stop,
      until: this.#until,
      onRetry: (failure, number) => {
        this.#tools.log.warn({ run_id: this.run.run_id, step: step.id, attempt: number, code: failure.code }, 'step is tried again');
        this.#tell(step, 'RUNNING', number + 1, null, runError(failure, step.id));
      },
    });
    switch (result.status) {
      case 'complete':
        this.#outcomes.set(step.id, result.outcome);
        await this.#log(step, 'COMPLETE', started, result.attempts, result.outcome, null);
        this.#states.set(step.id, 'complete');
        this.#tell(step, 'COMPLETE', result.attempts, result.outcome.rows, null);
        return;
      case 'failed': {
        const error = givenUp(result.failure, step.id, result.attempts);
        if (result.failure.errorClass === 'internal')
          this.#tools.log.error(
            { err: result.failure.cause ?? result.failure, run_id: this.run.run_id, step: step.id },
            'step failed unexpectedly',
          );
        this.#failRun(step, result.failure, error);
        await this.#log(step, 'FAILED', started, result.attempts, null, { ...error, retryable: result.failure.transient });
        this.#states.set(step.id, 'failed');
        this.#tell(step, 'FAILED', result.attempts, null, error);
        return;
      }
      case 'stopped': {
        const why: unknown = this.#stop.reason;
        if (!(why instanceof RunStopped) || why.kind === 'lease_lost' || why.kind === 'draining') return;
        const reason = stoppedError(why, [step.id]);
        await this.#log(step, 'CANCELLED', started, result.attempts, null, reason);
        this.#states.set(step.id, 'cancelled');
        this.#tell(step, 'CANCELLED', result.attempts, null, reason);
        return;
      }
      default:
        result satisfies never;
    }
  }

  /** The first failure that stops it is why it failed. */
  #failRun(step: StepSpec, failure: StepFailure, error: RunError): void {
    if (step.onFailure !== 'stop' || this.failure) return;
    this.failure = failure;
    this.error = error;
  }

  async #attempt(step: StepSpec, attempt: number, signal: AbortSignal): Promise<StepOutcome> {
    const code = STEPS[step.type];
    if (!code) throw new StepFailure('internal', 'step.unknown_type', `There is no step type ${step.type}.`);
    const { run, template, context } = this;
    return code(
      stepContext(this.#tools, {
        run,
        template,
        tenant: context,
        variables: this.#variables,
        step,
        attempt,
        signal,
        outcomes: this.#outcomes,
        mayBeDone: attempt > 1 || this.#hold.redelivered,
        failure: this.error,
      }),
    );
  }

  async #logSkipped(step: StepSpec): Promise<void> {
    const now = new Date(this.#tools.clock.now()).toISOString();
    await this.#log(step, 'SKIPPED', now, 1, null, null);
    this.#tell(step, 'SKIPPED', 1, null, null);
  }

  async #log(
    step: Pick<StepSpec, 'id' | 'type'>,
    status: 'COMPLETE' | 'FAILED' | 'SKIPPED' | 'CANCELLED',
    started: string,
    attempts: number,
    outcome: StepOutcome | null,
    error: (RunError & { readonly retryable?: boolean }) | null,
    ended = new Date(this.#tools.clock.now()).toISOString(),
  ): Promise<void> {
    const { run } = this;
    await this.#tools.stepLog.ended(this.context.dataset, {
      pipeline_logging_id: run.run_id,
      pipeline_id: run.pipeline_id,
      tenant_id: run.tenant_id,
      user_id: run.user_id,
      step_name: step.id,
      step_type: step.type,
      status,
      start_time: started,
      end_time: ended,
      rows_processed: outcome?.rows ?? null,
      error_message: error?.message ?? null,
      error_code: error?.code ?? null,
      error_class: error?.class ?? null,
      error_hint: error?.hint ?? null,
      retryable: error?.retryable ?? null,
      retry_count: attempts - 1,
      outputs: outcome?.outputs ?? null,
      control_totals: outcome?.totals ?? null,
      executor: this.#tools.instance,
      trace_id: currentTraceId() ?? null,
    });
    await this.#tools.crashPoint('run', `logged_${status.toLowerCase()}`, run.tenant_id);
  }

  /** A row for something that is no step of the template: the notification at the end. */
  async logExtra(id: string, type: string, outputs: StepOutcome['outputs']): Promise<void> {
    await this.#log({ id, type }, 'COMPLETE', new Date(this.#tools.clock.now()).toISOString(), 1, { rows: null, outputs }, null);
    this.#tell({ id, type }, 'COMPLETE', 1, null, null);
  }

  #tell(
    step: Pick<StepSpec, 'id' | 'type'>,
    status: 'RUNNING' | 'COMPLETE' | 'FAILED' | 'SKIPPED' | 'CANCELLED',
    attempt: number,
    rows: number | null,
    error: RunError | null,
  ): void {
    this.#announcer.progress({ step_id: step.id, step_type: step.type, status, attempt, rows_processed: rows, error });
  }
}
