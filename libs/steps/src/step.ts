/** What a step type is: a function from its configuration to an outcome, given what a run may use. */
import type { RunError, RunSpec } from '@convergence/contracts';
import type { ProviderOptions, StepSpec, Template, Variables } from '@convergence/pipelines';
import type { Clock, Warehouse } from '@convergence/ports';
import type { ControlTotals } from './control-totals.ts';
import type { Messenger } from './notify/messenger.ts';
import type { ObjectStore } from './object-load/objects.ts';

export interface Credential {
  readonly credential_id: string;
  readonly provider: string;
  readonly project_id: string | null;
  /** Opened in memory for one step; never logged, returned or kept. */
  readonly secret: Readonly<Record<string, unknown>>;
}

export interface TenantContext {
  readonly tenant_id: string;
  readonly company_name: string;
  readonly admin_email: string;
  readonly dataset: string;
  readonly plan: string;
  readonly provider_configs: readonly (ProviderOptions & { readonly config_id: string; readonly notification_emails: readonly string[] })[];
}

export interface StepContext {
  readonly run: RunSpec;
  readonly tenant: TenantContext;
  readonly template: Template;
  readonly step: StepSpec;
  /** `with`, its variables resolved but for SQL. */
  readonly config: unknown;
  readonly variables: Variables;
  readonly attempt: number;
  readonly clock: Clock;
  /** Aborted when the run is cancelled, timed out, or no longer ours. */
  readonly signal: AbortSignal;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
  /** With our own identity: the tenant's dataset. */
  readonly warehouse: Warehouse;
  readonly location: string;
  /** With the tenant's: its own project. */
  warehouseOf(credential: Credential): Warehouse;
  /** Opens the tenant's credential of that provider; throws a StepFailure of class credential when there is none. */
  credential(provider: string): Promise<Credential>;
  /** Opens what the tenant keeps sealed with a record of its own, such as a provider configuration. */
  openSealed(recordId: string, sealed: string): Promise<string>;
  /** Objects below a URI such as s3://bucket/prefix. */
  objectStore(uri: string): Promise<ObjectStore>;
  /** An earlier worker or attempt may have done this step without getting to log it. */
  readonly mayBeDone: boolean;
  /** Proves something that holds for all runs of the tenant, unless it was proven within the last minute. */
  provenLately(what: string, prove: () => Promise<void>): Promise<void>;
  /** How an earlier step of this run ended. */
  outcomeOf(stepId: string): StepOutcome | undefined;
  readonly messenger: Messenger;
  /** What failed so far, for those who tell about it. */
  readonly failure: RunError | null;
  /** A place where a crash can be made to happen, so that what comes after one is tested. */
  crashPoint(name: string): Promise<void> | void;
  readonly fetch: typeof fetch;
}

export interface StepOutcome {
  readonly rows: number | null;
  readonly outputs: Readonly<Record<string, string | number | boolean | null>>;
  readonly totals?: ControlTotals;
}

export type StepCode = (context: StepContext) => Promise<StepOutcome>;
