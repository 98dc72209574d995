import type { Plan } from '@convergence/contracts';
import { PLANS } from '@convergence/contracts';
import type { ScheduleCommand } from '@convergence/schedules';
import type { TenantCommand } from '@convergence/tenants';
import type { Chance } from './chance.ts';
import type { WorldOptions } from './world-options.ts';

/** Zones whose clocks do odd things: half hours, two hours, southern winters, a Ramadan pause, a line moved. */
export const ZONES = [
  'UTC',
  'America/New_York',
  'Europe/Berlin',
  'Australia/Lord_Howe',
  'Antarctica/Troll',
  'Asia/Kolkata',
  'America/Sao_Paulo',
  'Pacific/Chatham',
  'Africa/Casablanca',
  'Pacific/Apia',
] as const;
/** More than twice a day on the average, most of it at minute 0: the burst that people make. */
const CRONS = [
  '0 2 * * *',
  '0 */4 * * *',
  '0 0 * * *',
  '30 1 * * *',
  '30 2 * * *',
  '0 */12 * * *',
  '0 */6 * * *',
  '0 */8 * * *',
  'H H/8 * * *',
  '15 4,16 * * *',
  '0 0 1 * *',
  '0 3 L * *',
] as const;
/** A minute at which few others want anything. */
const CROWD_CRON = '20 9 * * *';
const CROWD_SCHEDULES = 400;

interface Newcomer {
  readonly onboard: TenantCommand;
  readonly limits?: TenantCommand;
  readonly standing: ScheduleCommand;
  readonly create: readonly ScheduleCommand[];
}

export function* population(options: WorldOptions, chance: Chance): Generator<Newcomer> {
  const { tenants, schedulesPerTenant, crowd, places, start } = options;
  for (let i = 0; i < tenants; i++) {
    const schedules = Array.from({ length: schedulesPerTenant }, () => ({
      schedule_cron: chance.of(CRONS),
      timezone: chance.of(ZONES),
      priority: chance.between(1, 10),
      catchup: chance.of(['latest', 'all', 'none'] as const),
      overlap: chance.of(['skip', 'skip', 'queue', 'allow'] as const),
    }));
    yield newcomer(`tenant_${i}`, chance.of(['STARTER', 'PROFESSIONAL', 'PROFESSIONAL', 'SCALE']), start, schedules);
  }
  for (let i = 0; i < crowd; i++) {
    const schedule = { schedule_cron: CROWD_CRON, timezone: 'UTC', priority: 5, catchup: 'latest', overlap: 'allow' } as const;
    const plan = (['STARTER', 'PROFESSIONAL', 'SCALE'] as const)[i % 3] as Plan;
    const tenant = newcomer(`crowd_${i}`, plan, start, Array<Wish>(CROWD_SCHEDULES).fill(schedule));
    const most = { max_pipelines_per_day: 10_000, max_pipelines_per_month: 100_000, max_concurrent_pipelines: places };
    yield { ...tenant, limits: { kind: 'change-subscription', tenant_id: `crowd_${i}`, ...most } };
  }
}

type Settings = Extract<ScheduleCommand, { type: 'create-schedule' }>['settings'];
type Wish = Pick<Settings, 'schedule_cron' | 'timezone' | 'priority' | 'catchup' | 'overlap'>;

function newcomer(tenant_id: string, plan: Plan, start: number, wishes: readonly Wish[]): Newcomer {
  const api_key = {
    api_key_id: `key of ${tenant_id}`,
    api_key_hash: tenant_id.padStart(64, '0'),
    sealed: '',
    key_hint: '',
    name: 'first',
    scopes: [],
    expires_at: null,
    created_at: new Date(start).toISOString(),
  };
  return {
    onboard: {
      kind: 'onboard',
      tenant_id,
      company_name: tenant_id,
      admin_email: 'a@example.com',
      plan_name: plan,
      run_dryrun: false,
      request_hash: '',
      subscription_id: `subscription of ${tenant_id}`,
      api_key: api_key as never,
      by: 'admin',
    },
    standing: { type: 'note-tenant', tenant_id, status: 'ACTIVE', weight: PLANS[plan].weight },
    create: wishes.map((wish, n) => ({
      type: 'create-schedule',
      config_id: `${tenant_id}-${n}`,
      tenant_id,
      provider: 'GCP',
      domain: 'COST',
      pipeline_template: `template_${n}`,
      settings: { ...wish, is_active: true, parameters: { date: '{yesterday}' }, max_retries: 3, dst: 'shift' },
    })),
  };
}
