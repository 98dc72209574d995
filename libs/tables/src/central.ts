/**
 * Everything in the central dataset, and who writes it.
 *
 * Adding a table: declare it in a file of its own under its owner's folder (a `TableSpec`: every column described, partitioned and
 * clustered as it is read), list it here, and say in its owner's slice definition which rows it shows. Adding a column: add it to the
 * declaration; provisioning adds what a table lacks. Anything else (renaming, retyping, filling) is a numbered migration.
 */
import type { ServiceName } from '@convergence/contracts';
import type { TableSpec, ViewSpec } from '@convergence/ports';
import { checkpointed } from './control/checkpointed.ts';
import { schedulerJournal, tenantJournal } from './control/journals.ts';
import { schemaMigrations } from './control/schema-migrations.ts';
import { sliceOwners } from './control/slice-owners.ts';
import { pipelineRuns } from './runs/pipeline-runs.ts';
import { pipelineTemplateVersions } from './runs/pipeline-template-versions.ts';
import { scheduleCustomerViews } from './schedules/customer-views.ts';
import { pipelineExecutionQueue } from './schedules/pipeline-execution-queue.ts';
import { scheduledPipelineRuns } from './schedules/scheduled-pipeline-runs.ts';
import { schedulerTenants } from './schedules/scheduler-tenants.ts';
import { tenantPipelineConfigs } from './schedules/tenant-pipeline-configs.ts';
import { schedulerViews } from './schedules/views.ts';
import { tenantCustomerViews } from './tenants/customer-views.ts';
import { TENANT_TABLES } from './tenants/tenants.ts';

export interface CentralTable {
  readonly table: TableSpec;
  /** The only service that writes it. `slices`: each owner of a slice, its own row. `provisioning`: no service. */
  readonly owner: ServiceName | 'slices' | 'provisioning';
}

const SCHEDULER_TABLES: readonly TableSpec[] = [tenantPipelineConfigs, scheduledPipelineRuns, pipelineExecutionQueue, schedulerTenants];

export const CENTRAL_TABLES: readonly CentralTable[] = [
  { table: sliceOwners, owner: 'slices' },
  { table: schemaMigrations, owner: 'provisioning' },
  { table: tenantJournal, owner: 'tenant-service' },
  ...TENANT_TABLES.map((table) => ({ table: checkpointed(table), owner: 'tenant-service' as const })),
  { table: schedulerJournal, owner: 'scheduler-service' },
  ...SCHEDULER_TABLES.map((table) => ({ table: checkpointed(table), owner: 'scheduler-service' as const })),
  { table: pipelineRuns, owner: 'executor-service' },
  { table: pipelineTemplateVersions, owner: 'executor-service' },
];

/** Rows of slice_owners, by the service that takes them. */
export const SLICES = { 'tenant-service': 'tenants', 'scheduler-service': 'schedules' } as const;

/** `central` is the quoted dataset. */
export const centralViews = (central: string): readonly ViewSpec[] => schedulerViews(central);

/** The `customer_*` names live in a dataset of their own. */
export const CUSTOMERS_DATASET = 'customers_metadata';
/** `central` is the quoted dataset. */
export const customerViews = (central: string): readonly ViewSpec[] => [...tenantCustomerViews(central), ...scheduleCustomerViews(central)];
