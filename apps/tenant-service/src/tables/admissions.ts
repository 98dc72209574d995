import type { RunSpec } from '@convergence/contracts';
import { runAdmissions } from '@convergence/tables';
import { type Admission, type AdmissionOutcome, findAdmission, isLive, reserve, tenantNamed } from '@convergence/tenants';
import { date, flag, json, text, textOrNull, time, timeOrNull } from './cells.ts';
import { ids, type TenantProjection } from './projection.ts';

/** Reservations. An ended one stays in memory for some minutes, so that a request that is sent again finds it. */
export const admissions: TenantProjection = {
  table: runAdmissions,
  key: ['run_id'],
  touches(event) {
    switch (event.type) {
      case 'run_admitted':
        return [event.run.run_id];
      case 'run_started':
      case 'run_ended':
      case 'run_orphaned':
        return [event.run_id];
      case 'heartbeats_noted':
        return event.run_ids;
      default:
        return [];
    }
  },
  row(state, runId) {
    const admission = findAdmission(state, runId);
    if (!admission) return null;
    const { run, ...lease } = admission;
    const { run_id, pipeline_id, parameters_hash, trigger_type } = run;
    return { run_id, ...ids(run.tenant_id), pipeline_id, parameters_hash, trigger_type, spec: JSON.stringify(run), ...lease };
  },
  loadWhere: 'ended_at IS NULL OR ended_at > TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 15 MINUTE)',
  load(state, rows) {
    const ended: Admission[] = [];
    for (const row of rows) {
      const admission: Admission = {
        run: json<RunSpec>(row, 'spec'),
        admitted_at: time(row, 'admitted_at'),
        usage_date: date(row, 'usage_date'),
        counted: flag(row, 'counted'),
        started_at: timeOrNull(row, 'started_at'),
        heartbeat_at: timeOrNull(row, 'heartbeat_at'),
        ended_at: timeOrNull(row, 'ended_at'),
        outcome: textOrNull(row, 'outcome') as AdmissionOutcome | null,
      };
      if (isLive(admission)) reserve(state, tenantNamed(state, text(row, 'tenant_id')), admission);
      else ended.push(admission);
    }
    for (const admission of ended.sort((a, b) => ((a.ended_at ?? '') < (b.ended_at ?? '') ? -1 : 1))) {
      state.ended.add(admission, true);
    }
  },
  history: {
    closed: (state, runId) => state.ended.has(runId),
    // Memory lets go of it later, by age.
    forget: (state, runId) => state.ended.noteWritten(runId),
  },
};
