/**
 * Makes tenants' datasets with their operational tables and views, some at a time, again and again until each is there.
 *
 * Does not know: HTTP, the dry run. 1. Every call to the warehouse is idempotent, so a crash at any point is resumed by doing all again.
 * 2. Metadata limits and absences are waited out with backoff; only what can never work is given up, and that is logged.
 * 3. A tenant is prepared once at a time, however many ask. 4. It is noted as prepared only when everything is there. 5. One that was
 * cancelled meanwhile is left: what a purge dropped does not come back.
 */
import { Refusal, serviceAccount, type TenantId, Transient } from '@convergence/contracts';
import { type Clock, type Warehouse, WarehouseError } from '@convergence/ports';
import type { Log } from '@convergence/service';
import { OPERATIONAL_TABLES, operationalViews } from '@convergence/tables';
import { execute, ITSELF, type TenantsSlice } from '../tenants-slice.ts';

const AT_ONCE = 8;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 60_000;
const WAITED_OUT = new Set(['rateLimitExceeded', 'quotaExceeded', 'jobRateLimitExceeded', 'backendError', 'internalError']);

export interface PreparationTools {
  readonly slice: TenantsSlice;
  readonly warehouse: Warehouse;
  readonly clock: Clock;
  readonly log: Log;
  /** Dataset of the central tables. */
  readonly dataset: string;
  readonly location: string;
}

export class Preparation {
  readonly #tools: PreparationTools;
  readonly #running = new Map<string, Promise<readonly string[]>>();
  readonly #queue: (() => void)[] = [];
  readonly #stop = new AbortController();
  #busy = 0;

  constructor(tools: PreparationTools) {
    this.#tools = tools;
  }

  /** Names of what is there then. Rejects when it can never work, or the service stops. */
  prepare(tenantId: TenantId): Promise<readonly string[]> {
    const running = this.#running.get(tenantId);
    if (running) return running;
    const work = this.#inTurn(() => this.#untilDone(tenantId)).finally(() => this.#running.delete(tenantId));
    // Who waits hears of it; when nobody does, the log has it.
    work.catch(() => {});
    this.#running.set(tenantId, work);
    return work;
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Transient('The service is stopping.'));
    for (const go of this.#queue.splice(0)) go();
    await Promise.allSettled(this.#running.values());
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#busy >= AT_ONCE) await new Promise<void>((go) => this.#queue.push(go));
    this.#busy += 1;
    try {
      return await work();
    } finally {
      this.#busy -= 1;
      this.#queue.shift()?.();
    }
  }

  async #untilDone(tenantId: TenantId): Promise<readonly string[]> {
    const { clock, log, slice } = this.#tools;
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(LONGEST_PAUSE_MS, pause * 2)) {
      this.#stop.signal.throwIfAborted();
      this.#mustBeWanted(tenantId);
      try {
        const tables = await this.#once(tenantId);
        await execute(slice, { kind: 'note-dataset-prepared', tenant_id: tenantId, tables }, { actor: ITSELF });
        return tables;
      } catch (error) {
        if (!(error instanceof Transient || (error instanceof WarehouseError && WAITED_OUT.has(error.reason)))) {
          log.error({ err: error, tenant_id: tenantId }, 'the dataset can not be prepared');
          throw error;
        }
        log.warn({ err: error, tenant_id: tenantId, pause_ms: pause }, 'the dataset is prepared later');
        await clock.sleep(pause * (0.5 + Math.random()), this.#stop.signal);
      }
    }
  }

  #mustBeWanted(tenantId: TenantId): void {
    const { status } = this.#tools.slice.state.tenants.get(tenantId) ?? {};
    if (status === 'CANCELLED') throw new Refusal('tenant.inactive', `Tenant ${tenantId} was cancelled, so its dataset is not made.`);
  }

  async #once(tenantId: TenantId): Promise<readonly string[]> {
    const { warehouse, dataset, location } = this.#tools;
    await warehouse.createDataset(tenantId, {
      location,
      description: `Operational data for ${tenantId}`,
      labels: { tenant: tenantId, managed_by: 'convergence' },
    });
    // Runs write their tables and logs into it.
    await warehouse.grant({ dataset: tenantId }, 'write', [serviceAccount(warehouse.project, 'executor-service')]);
    const views = operationalViews(tenantId, `\`${warehouse.project}.${dataset}\``);
    await Promise.all([
      ...OPERATIONAL_TABLES.map((table) => warehouse.createTable(tenantId, table)),
      ...views.map((view) => warehouse.createView(tenantId, view)),
    ]);
    return [...views, ...OPERATIONAL_TABLES].map(({ name }) => name);
  }
}
