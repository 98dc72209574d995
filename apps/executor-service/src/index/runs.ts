/**
 * Runs as people ask for them: from memory where possible, from the table where they are older, from their owner when they were
 * admitted a moment ago and nobody here has heard of them yet.
 *
 * 1. Another tenant's run does not exist. 2. A list is never counted, never re-ordered, and pages by what was seen last.
 */
import { type DqResult, type Principal, Refusal, type RunSpec, type RunStatus, type RunStep } from '@convergence/contracts';
import type { Clock } from '@convergence/ports';
import { hasEnded, newRecord, type RunRecord } from '@convergence/runs';
import type { InternalClient } from '@convergence/service';
import type { LargePages } from './large-pages.ts';
import type { Position, RunIndex } from './run-index.ts';
import { pageOf, type RunPage, readCursor, spacingOf } from './run-page.ts';
import type { Before, RunTable } from './run-table.ts';
import { fits, type RunFilter, stepView } from './run-view.ts';

/** Lists that the table had nothing for: no need to ask it again for a while, unless runs left the memory since. */
const KNOWN_EMPTY_MS = 60_000;
/** So much more time than a page like the last one would span; whole hours cost the table nothing. */
const MARGIN = 1.5;
const LEAST_MS = 3_600_000;
/** From so many runs on that the memory has, they tell how close the older ones lie. */
const TELLING = 20;
/** Rows of a page that takes a place among the large ones. */
const LARGE = 100;

export class Runs {
  readonly #index: RunIndex;
  readonly #table: RunTable;
  readonly #tenantService: Pick<InternalClient, 'call'>;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #large: LargePages;
  readonly #nothingOlder = new Map<string, { readonly at: number; readonly left: Position | undefined }>();

  constructor(index: RunIndex, table: RunTable, tenantService: Pick<InternalClient, 'call'>, clock: Pick<Clock, 'now'>, large: LargePages) {
    this.#index = index;
    this.#table = table;
    this.#tenantService = tenantService;
    this.#clock = clock;
    this.#large = large;
  }

  async list(filter: RunFilter, cursor: string | undefined, limit: number, signal: AbortSignal): Promise<RunPage> {
    const after = cursor === undefined ? undefined : readCursor(cursor);
    const items: RunRecord[] = [];
    const since = this.#index.completeSince;
    let scanned: Position | undefined = after;
    for (const record of this.#index.newest(filter.tenantId, after)) {
      // What stayed here because it is still live lies among older ones that left.
      if (since && Date.parse(record.admitted_at) <= Date.parse(since.admitted_at)) break;
      scanned = record;
      if (fits(record, filter)) items.push(record);
      if (items.length > limit) return pageOf(items, limit);
      if (filter.from !== undefined && Date.parse(record.admitted_at) < Date.parse(filter.from)) return pageOf(items, limit);
    }
    if (!since) return pageOf(items, limit);
    if (filter.from !== undefined && Date.parse(filter.from) > Date.parse(since.admitted_at)) return pageOf(items, limit);
    const horizon: Before = { admitted_at: since.admitted_at };
    const before = scanned && Date.parse(scanned.admitted_at) <= Date.parse(since.admitted_at) ? scanned : horizon;
    const key = JSON.stringify(filter);
    const left = this.#index.lastLeft(filter.tenantId);
    if (before === horizon && this.#knownEmpty(key, left)) return pageOf(items, limit);
    const spacing = items.length >= TELLING ? spacingOf(items) : after?.spacing;
    const read = () => this.#older(filter, before, limit + 1 - items.length, spacing, signal);
    const older = await (limit > LARGE ? this.#large.make(filter.tenantId ?? '', signal, read) : read());
    if (before === horizon && older.length === 0) this.#rememberEmpty(key, left);
    // A row of the table may lag behind what is known here.
    return pageOf([...items, ...older.map((record) => this.#index.get(record.run_id) ?? record)], limit);
  }

  /** First of the time in which they most likely lie, so that little of the table is read; then, where that is too few, of all before it. */
  async #older(filter: RunFilter, before: Before, limit: number, spacing: number | undefined, signal: AbortSignal): Promise<RunRecord[]> {
    if (!spacing) return this.#table.list(filter, before, limit, signal);
    const since = Date.parse(before.admitted_at) - Math.max(spacing * limit * MARGIN, LEAST_MS);
    if (filter.from !== undefined && Date.parse(filter.from) >= since) return this.#table.list(filter, before, limit, signal);
    const after = new Date(since).toISOString();
    const near = await this.#table.list({ ...filter, after }, before, limit, signal);
    if (near.length >= limit) return near;
    const far = await this.#table.list(filter, { admitted_at: after }, limit - near.length, signal);
    return [...near, ...far];
  }
  #knownEmpty(key: string, left: Position | undefined): boolean {
    const known = this.#nothingOlder.get(key);
    return known !== undefined && known.left === left && this.#clock.now() - known.at < KNOWN_EMPTY_MS;
  }
  #rememberEmpty(key: string, left: Position | undefined): void {
    if (this.#nothingOlder.size > 10_000) this.#nothingOlder.clear();
    this.#nothingOlder.set(key, { at: this.#clock.now(), left });
  }

  async get(runId: string, principal: Principal): Promise<RunRecord> {
    const record = this.#index.get(runId) ?? (await this.#elsewhere(runId));
    if (!record || (principal.kind === 'tenant' && principal.tenantId !== record.tenant_id))
      throw new Refusal('run.not_found', `There is no run ${runId}.`);
    return record;
  }

  /** The owner knows who is live, the table how runs ended; of one that ended a moment ago perhaps only the owner knows. */
  async #elsewhere(runId: string): Promise<RunRecord | undefined> {
    const asked = await this.#fromOwner(runId).then(
      (record) => ({ record }),
      (error: unknown) => ({ error }),
    );
    const owned = 'record' in asked ? asked.record : undefined;
    if (owned && !hasEnded(owned.status)) return owned;
    const row = (await this.#table.get(runId)) ?? owned;
    if (!row && 'error' in asked) throw asked.error;
    return row;
  }

  async #fromOwner(runId: string): Promise<RunRecord | undefined> {
    try {
      const known = await this.#tenantService.call<{
        run: RunSpec;
        status: RunStatus;
        admitted_at: string;
        started_at: string | null;
        ended_at: string | null;
      }>({
        method: 'GET',
        path: `/internal/runs/${runId}`,
        principal: { kind: 'service', service: 'executor-service' },
        timeoutMs: 3_000,
      });
      const { run, admitted_at, status, started_at, ended_at } = known;
      return Object.assign(newRecord(run, admitted_at), { spec: run, status, started_at, ended_at });
    } catch (error) {
      if (error instanceof Refusal) return undefined;
      throw error;
    }
  }

  async steps(record: RunRecord): Promise<RunStep[]> {
    const heard = [...record.steps.values()]
      .filter((step) => step.status !== 'RUNNING' || !hasEnded(record.status))
      .sort((a, b) => (a.started_at ?? a.ended_at ?? '').localeCompare(b.started_at ?? b.ended_at ?? ''))
      .map(stepView);
    if (record.whole && (!hasEnded(record.status) || (heard.length > 0 && heard.length === record.steps.size))) return heard;
    if (!hasEnded(record.status) && record.started_at === null) return [];
    // What this instance did not hear, from before it started or from a time when it was away, the run's dataset has.
    const logged = await this.#orNothing(this.#table.steps(record.tenant_id, record.run_id));
    const known = new Set(logged.map((step) => step.step_id));
    return [...logged, ...heard.filter((step) => !known.has(step.step_id))];
  }

  /** The runs that it is a retry of, the first one first, and itself. */
  async attempts(record: RunRecord): Promise<string[]> {
    const chain = [record.run_id];
    let older: ReadonlyMap<string, string> | undefined;
    for (let before = record.spec?.retry_of; before && !chain.includes(before); ) {
      chain.unshift(before);
      const { spec } = this.#index.get(before) ?? {};
      if (!spec) older ??= await this.#table.retried(record);
      before = spec ? spec.retry_of : older?.get(before);
    }
    return chain;
  }

  /** Of a step that a retry kept, what the run found that did it. */
  async dq(record: RunRecord): Promise<DqResult[]> {
    if (record.started_at === null) return [];
    if (record.whole && record.steps.size > 0 && ![...record.steps.values()].some((s) => s.step_type === 'dq.check')) return [];
    const attempts = await this.attempts(record);
    const found = await this.#orNothing(this.#table.dq(record.tenant_id, attempts));
    if (attempts.length === 1) return found;
    const steps = await this.steps(record);
    return [...Map.groupBy(found, (result) => result.step_id)].flatMap(([step, results]) => {
      const last = attempts.findLast((run) => results.some((result) => result.pipeline_logging_id === run));
      const shown = last === record.run_id || steps.some(({ step_id, status }) => step_id === step && status === 'COMPLETE');
      return shown ? results.filter((result) => result.pipeline_logging_id === last) : [];
    });
  }

  /** A dataset that is gone has no rows. */
  async #orNothing<T>(rows: Promise<T[]>): Promise<T[]> {
    try {
      return await rows;
    } catch (error) {
      if ((error as { reason?: string }).reason === 'notFound') return [];
      throw error;
    }
  }
}
