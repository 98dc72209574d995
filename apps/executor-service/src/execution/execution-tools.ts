import type { TemplateCatalogue } from '@convergence/pipelines';
import type { Bus, Clock, Keys, Warehouse } from '@convergence/ports';
import type { RunRecord } from '@convergence/runs';
import type { Log } from '@convergence/service';
import type { Credential, Messenger } from '@convergence/steps';
import type { OpenObjectStore } from '../object-stores/object-stores.ts';
import type { CrashPoint } from './crash-points.ts';
import type { Lately } from './lately.ts';
import type { ProgressReports } from './progress-reports.ts';
import type { RunContexts } from './run-context.ts';
import type { StepLog } from './step-log.ts';
import type { TemplateVersions } from './template-versions.ts';

/** What executing runs needs, made once by the service. */
export interface ExecutionTools {
  readonly bus: Pick<Bus, 'publish'>;
  readonly clock: Clock;
  readonly progress: Pick<ProgressReports, 'add'>;
  readonly random: () => number;
  readonly log: Log;
  readonly source: string;
  readonly instance: string;
  readonly environment: string;
  readonly location: string;
  readonly templates: Pick<TemplateCatalogue, 'find'>;
  readonly versions: TemplateVersions;
  /** What is known of a run. */
  readonly recordOf: (runId: string) => Promise<RunRecord | undefined>;
  readonly contexts: RunContexts;
  readonly keys: Pick<Keys, 'open'>;
  readonly stepLog: StepLog;
  readonly lately: Pick<Lately, 'proven'>;
  readonly warehouse: Warehouse;
  readonly warehouseOf: (credential: Credential) => Warehouse;
  /** Opens what lies below a URI; asks for a credential only where one is needed. */
  readonly objectStore: OpenObjectStore;
  readonly messenger: Messenger;
  readonly crashPoint: CrashPoint;
  readonly fetch: typeof fetch;
}
