import type { Plan } from '@convergence/contracts';
import { PLANS } from '@convergence/contracts';
import type { ScheduleCommand } from '@convergence/schedules';
import type { TenantCommand } from '@convergence/tenants';
import type { Chance } from './chance.ts';
import type { WorldOptions } from './world.ts';

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
/** Twice a day on the average, most of it at minute 0: the burst that people make. */
const CRONS = [
  '0 2 * * *',
  '0 2 * * *',
  '0 0 * * *',
  '30 1 * * *',
  '30 2 * * *',
  '0 */12 * * *',
  '0 */6 * * *',
  '0 */8 * * *',
  'H H * * *',
  '15 4,16 * * *',
  '0 0 1 * *',
  '0 3 L * *',
] as const;

interface Newcomer {
  readonly onboard: TenantCommand;
  readonly status: { readonly tenant_id: string; readonly status: 'ACTIVE'; readonly weight: number };
  readonly create: readonly ScheduleCommand[];
}

export function* population({ tenants, schedulesPerTenant, start }: WorldOptions, chance: Chance): Generator<Newcomer> {
  for (let i = 0; i < tenants; i++) {
    const tenant_id = `tenant_${i}`;
    const plan: Plan = chance.of(['STARTER', 'PROFESSIONAL', 'PROFESSIONAL', 'SCALE']);
    const at = new Date(start).toISOString();
    const api_key = {
      api_key_id: `key-${i}`,
      api_key_hash: `${i}`.padStart(64, '0'),
      sealed: '',
      key_hint: '',
      name: 'first',
      scopes: [],
      expires_at: null,
      created_at: at,
    };
    yield {
      onboard: {
        kind: 'onboard',
        tenant_id,
        company_name: tenant_id,
        admin_email: 'a@example.com',
        plan_name: plan,
        run_dryrun: false,
        request_hash: '',
        subscription_id: `subscription-${i}`,
        api_key: api_key as never,
        by: 'admin',
      },
      status: { tenant_id, status: 'ACTIVE', weight: PLANS[plan].weight },
      create: Array.from(
        { length: schedulesPerTenant },
        (_, n): ScheduleCommand => ({
          type: 'create-schedule',
          config_id: `schedule-${i}-${n}`,
          tenant_id,
          provider: 'GCP',
          domain: 'COST',
          pipeline_template: `template_${n}`,
          settings: {
            schedule_cron: chance.of(CRONS),
            timezone: chance.of(ZONES),
            is_active: true,
            priority: chance.between(1, 10),
            parameters: { date: '{yesterday}' },
            max_retries: 3,
            catchup: chance.of(['latest', 'all', 'none']),
            overlap: chance.of(['skip', 'skip', 'queue', 'allow']),
            dst: 'shift',
          },
        }),
      ),
    };
  }
}
