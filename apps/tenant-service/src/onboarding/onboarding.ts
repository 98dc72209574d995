/**
 * Onboarding as a process: begin (one journalled event), prepare the dataset, run the dry run, write the welcome e-mail. Each step is
 * idempotent and noted when done; a crash between two is resumed at the next start, or by repeating the request.
 *
 * 1. A dataset that was there before its tenant is never taken over. 2. The answer says what is, not what is hoped for: a dataset that
 * is still being made is `dataset_created: false`, a dry run that has not ended is PENDING. 3. A key counts as delivered from the moment
 * the answer with its text goes out to a caller who is still there; before, a repeat of the request gets another key and the first is revoked,
 * or, where it is the very command that made it, the same key. 4. The same request many times at once is one onboarding with one answer.
 */
import { randomUUID } from 'node:crypto';
import { type OnboardAnswer, type OnboardRequest, type Principal, Refusal, SCOPES, type TenantId } from '@convergence/contracts';
import type { Clock, Keys, Warehouse } from '@convergence/ports';
import { type Command, idOfMade, type Log, patiently } from '@convergence/service';
import type { Tenant } from '@convergence/tenants';
import { hashOf, makeApiKey, textOf } from '../api-key-text.ts';
import type { Mailer } from '../mail/mailer.ts';
import { welcomeMail } from '../mail/welcome-mail.ts';
import type { RunEnds } from '../run-ends.ts';
import { asked, execute, ITSELF, type TenantsSlice } from '../tenants-slice.ts';
import { type DryRunAnswer, dryRun } from './dry-run.ts';
import type { Preparation } from './preparation.ts';

/** A request waits that long for its dataset; it is made in the background after that. */
const PREPARE_WAIT_MS = 30_000;
/** Between attempts to send; nothing after the last. */
const MAIL_PAUSES_MS = [5_000, 60_000, 600_000, undefined];

export interface OnboardingTools {
  readonly slice: TenantsSlice;
  readonly keys: Keys;
  readonly warehouse: Warehouse;
  readonly clock: Clock;
  readonly log: Log;
  readonly runEnds: RunEnds;
  readonly preparation: Preparation;
  readonly mailer: Mailer;
  readonly dryrunWaitMs: number;
  /** Datasets that are no tenant's. */
  readonly reserved: ReadonlySet<string>;
}

export class Onboarding {
  readonly #tools: OnboardingTools;
  readonly #running = new Map<string, Promise<OnboardAnswer>>();
  readonly #welcoming = new Map<TenantId, Promise<void>>();
  readonly #stop = new AbortController();
  readonly #background = new Set<Promise<unknown>>();

  constructor(tools: OnboardingTools) {
    this.#tools = tools;
  }

  onboard(request: OnboardRequest, principal: Principal, command?: Command, signal?: AbortSignal): Promise<OnboardAnswer> {
    const same = JSON.stringify([request, principal, command?.id]);
    const running = this.#running.get(same);
    if (running) return running;
    const work = this.#onboard(request, principal, command, signal).finally(() => this.#running.delete(same));
    this.#running.set(same, work);
    return work;
  }

  async #onboard(request: OnboardRequest, principal: Principal, command?: Command, signal?: AbortSignal): Promise<OnboardAnswer> {
    const { slice } = this.#tools;
    const tenantId = request.tenant_id as TenantId;
    const { key, api_key_id, outcome } = await this.#begin(request, principal, command);
    const tenant = slice.state.tenants.get(tenantId);
    if (!tenant) throw new Error(`tenant ${tenantId} is gone right after it was made`);
    if (request.force_recreate_dataset && principal.kind === 'admin' && outcome === 'repeated') await this.#drop(tenantId, principal);
    const ready = await this.#prepared(tenant, signal);
    // The very command again tells how its dry run went.
    const due = request.run_dryrun && (outcome !== 'known' || tenant.onboarding.dryrun_status === 'PENDING');
    const dry: DryRunAnswer =
      due && ready
        ? await dryRun(tenant, this.#tools, this.#tools.dryrunWaitMs, signal)
        : { status: due ? 'PENDING' : tenant.onboarding.dryrun_status, run_id: tenant.onboarding.dryrun_run_id };
    this.#behind(this.#welcome(tenant), tenantId, 'the welcome e-mail is not sent');
    if (api_key_id && !signal?.aborted) this.#delivered(tenantId, api_key_id, principal);
    return this.#answer(tenant, request, key, dry);
  }

  /** What a crash left undone: datasets, then the dry runs that never began. */
  resume(): void {
    for (const tenant of this.#tools.slice.state.tenants.values()) {
      const { onboarding, status } = tenant;
      const unfinished =
        onboarding.dataset_created_at === null || (onboarding.dryrun_status === 'PENDING' && onboarding.dryrun_run_id === null);
      if (status === 'ACTIVE' && unfinished) this.continue(tenant);
      // A key that is still undelivered goes out with its own e-mail, or with the answer to a repeated request.
      if (onboarding.undelivered_api_key_id === null)
        this.#behind(this.#welcome(tenant), tenant.tenant_id, 'the welcome e-mail is not sent');
    }
  }

  /** The steps after the first, in the background. */
  continue(tenant: Tenant): void {
    const rest = this.#tools.preparation.prepare(tenant.tenant_id).then(() => this.#dryRunIfDue(tenant));
    this.#behind(rest, tenant.tenant_id, 'onboarding stopped half way');
  }

  /** Waits for what goes on behind answers that are out. */
  async stop(): Promise<void> {
    this.#stop.abort(new Error('stopping'));
    await Promise.allSettled(this.#background);
  }

  #behind(work: Promise<unknown>, tenant_id: TenantId, failed: string): void {
    const quiet = work
      .catch((error: unknown) => this.#tools.log.warn({ err: error, tenant_id }, failed))
      .finally(() => this.#background.delete(quiet));
    this.#background.add(quiet);
  }

  /** No tenant has it, and no dataset that is not ours. */
  async nameIsFree(tenantId: TenantId): Promise<boolean> {
    const { slice, warehouse, reserved } = this.#tools;
    if (reserved.has(tenantId) || slice.state.tenants.has(tenantId)) return false;
    return !(await patiently('BigQuery', () => warehouse.datasetExists(tenantId)));
  }

  async #begin(request: OnboardRequest, principal: Principal, command: Command | undefined) {
    const { keys, slice } = this.#tools;
    const { tenant_id, company_name, admin_email, subscription_plan } = request;
    const known = () => slice.state.tenants.has(tenant_id as TenantId);
    // Asked once more afterwards: the same request may have come twice at once, and made the dataset meanwhile.
    if (!known() && !(await this.nameIsFree(tenant_id as TenantId)) && !known()) {
      throw new Refusal('tenant.exists', `The name ${tenant_id} is taken. Choose another.`);
    }
    const made = await makeApiKey(keys, tenant_id, { api_key_id: idOfMade('api-key', command), scopes: SCOPES, key_name: 'onboarding' });
    const { outcome, key } = await execute(
      slice,
      {
        kind: 'onboard',
        tenant_id,
        company_name,
        admin_email,
        plan_name: subscription_plan,
        run_dryrun: request.run_dryrun,
        request_hash: hashOf(JSON.stringify([tenant_id, company_name, admin_email, subscription_plan])),
        subscription_id: randomUUID(),
        api_key: made.issued,
        command: command?.id,
        by: principal.kind === 'admin' ? 'admin' : principal.kind === 'tenant' && principal.tenantId === tenant_id ? 'owner' : 'anyone',
      },
      asked({ principal }),
    );
    const { api_key_id } = made.issued;
    const held = key ? slice.state.keysById.get(api_key_id)?.key : undefined;
    return { outcome, key: held ? await textOf(keys, tenant_id, held, made) : null, api_key_id: held && api_key_id };
  }

  /** Not waited for: it is decided at once, and should it be lost in a crash, the answer was too. */
  #delivered(tenant_id: TenantId, api_key_id: string, principal: Principal): void {
    const noted = execute(this.#tools.slice, { kind: 'note-key-delivered', tenant_id, api_key_id }, asked({ principal }));
    this.#behind(noted, tenant_id, 'not noted that a key was delivered');
  }

  async #drop(tenantId: TenantId, principal: Principal): Promise<void> {
    const { warehouse, slice } = this.#tools;
    await execute(slice, { kind: 'note-dataset-dropped', tenant_id: tenantId }, asked({ principal }));
    await warehouse.dropDataset(tenantId);
  }

  /** False when it takes longer than the request can wait, or can't be done now. */
  async #prepared(tenant: Tenant, signal?: AbortSignal): Promise<boolean> {
    const { preparation, clock, log } = this.#tools;
    const patience = new AbortController();
    const late = clock.sleep(PREPARE_WAIT_MS, signal ? AbortSignal.any([signal, patience.signal]) : patience.signal).then(
      () => false,
      () => false,
    );
    const done = preparation.prepare(tenant.tenant_id).then(
      () => true,
      (error: unknown) => {
        log.error({ err: error, tenant_id: tenant.tenant_id }, 'onboarding goes on without a dataset');
        return false;
      },
    );
    const ready = await Promise.race([done, late]);
    patience.abort();
    if (!ready)
      this.#behind(
        done.then((there) => (there ? this.#dryRunIfDue(tenant) : undefined)),
        tenant.tenant_id,
        'the dry run did not begin',
      );
    return ready;
  }

  async #dryRunIfDue(tenant: Tenant): Promise<void> {
    const { run_dryrun, dryrun_status, dryrun_run_id } = tenant.onboarding;
    if (run_dryrun && dryrun_status === 'PENDING' && dryrun_run_id === null) await dryRun(tenant, this.#tools, 0);
  }

  /** Once, however many ask while it is being sent. */
  #welcome(tenant: Tenant): Promise<void> {
    if (tenant.onboarding.welcome_sent_at) return Promise.resolve();
    const under = this.#welcoming.get(tenant.tenant_id);
    if (under) return under;
    const work = this.#sendWelcome(tenant).finally(() => this.#welcoming.delete(tenant.tenant_id));
    this.#welcoming.set(tenant.tenant_id, work);
    return work;
  }

  /** Tried again for some time; an e-mail is worth no more than that. */
  async #sendWelcome(tenant: Tenant): Promise<void> {
    const { mailer, slice, clock } = this.#tools;
    for (const pause of MAIL_PAUSES_MS) {
      try {
        await mailer.send(welcomeMail(tenant));
        break;
      } catch (error) {
        if (pause === undefined) throw error;
        await clock.sleep(pause, this.#stop.signal);
      }
    }
    await execute(slice, { kind: 'note-welcome-sent', tenant_id: tenant.tenant_id }, { actor: ITSELF });
  }

  #answer(tenant: Tenant, request: OnboardRequest, key: string | null, dry: DryRunAnswer): OnboardAnswer {
    const { onboarding, company_name, tenant_id, subscription } = tenant;
    const prepared = onboarding.dataset_created_at !== null;
    const sentences = [
      prepared ? `Tenant ${company_name} onboarded successfully.` : `Tenant ${company_name} is onboarded; its dataset is still being made.`,
      key ? 'API key generated: it is shown only this once.' : 'Its API keys go on working; no other was made.',
      ...(dry.status === 'FAILED' ? [`The dry run failed; GET /api/v1/pipelines/runs/${dry.run_id} tells why.`] : []),
      ...(dry.status === 'PENDING' && prepared && request.run_dryrun ? ['The dry run has not ended yet.'] : []),
      ...(subscription.plan_name === request.subscription_plan ? [] : [`The plan stays ${subscription.plan_name}.`]),
    ];
    return {
      tenant_id,
      customer_id: tenant_id,
      api_key: key,
      subscription_plan: subscription.plan_name,
      dataset_created: prepared,
      tables_created: [...onboarding.tables_created],
      dryrun_status: dry.status,
      dryrun_run_id: dry.run_id,
      message: sentences.join(' '),
    };
  }
}
