import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { billingDay } from '../../../tools/sample-data/billing-export.ts';
import { writeFocusExport } from '../../../tools/sample-data/focus-export.ts';
import { type SampleServer, startSampleServer } from '../../../tools/sample-data/sample-server.ts';
import { installBillingExport } from '../../../tools/sample-data.ts';
import { startWorld, type World } from './testing/world.ts';

jest.setTimeout(90_000);
let world: World;
let server: SampleServer;
beforeAll(async () => {
  world = await startWorld();
  await world.tenant('acme_corp');
  server = await startSampleServer(0, { busyEvery: 3 });
  await installBillingExport(world.warehouse, ['2025-11'], 'US', 200);
  await writeFocusExport(join(world.folder, 'objects'), '2025-11');
  await world.executor();
});
afterAll(async () => {
  await world.stop();
  await server.close();
});

/** NUMERIC as a whole number of billionths. */
function billionths(text: string): bigint {
  const [, sign, whole = '', fraction = ''] = /^(-?)(\d+)(?:\.(\d{1,9}))?$/.exec(text) ?? [];
  const value = BigInt(whole) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'));
  return sign ? -value : value;
}
const steps = (runId: string) =>
  world.query(
    `SELECT step_name, status, rows_processed, error_message FROM x_meta_step_logs WHERE pipeline_logging_id = '${runId}' ORDER BY start_time`,
    'acme_corp',
  );

describe('the templates that ship', () => {
  test("gcp/cost/billing_cost: the day's total is the export's with all credits, to the last digit, and running it twice changes nothing", async () => {
    for (const name of ['billing_cost', 'billing']) {
      const runId = await world.request('acme_corp', `gcp/cost/${name}`, { date: '2025-11-05' });
      const end = await world.end(runId, 60_000);
      expect({ end: end.status, error: end.error, steps: await steps(runId) }).toMatchObject({ end: 'COMPLETE', error: null });
      const [exported] = await world.query(
        `SELECT COUNT(*) AS n, CAST(SUM(cost) + SUM(IFNULL((SELECT SUM(c.amount) FROM UNNEST(credits) AS c), 0)) AS STRING) AS total
FROM gcp_billing_export WHERE DATE(usage_start_time) = '2025-11-05'`,
        'convergence_samples',
      );
      const [loaded] = await world.query(
        "SELECT CAST(SUM(billed_cost) AS STRING) AS total, COUNTIF(charge_category = 'Credit') AS credits, COUNTIF(billed_cost < 0 AND charge_category != 'Credit') AS refunds FROM gcp_silver_cost WHERE charge_day = '2025-11-05'",
        'acme_corp',
      );
      expect(loaded?.total).toBe(exported?.total);
      expect(Number(loaded?.credits)).toBeGreaterThan(0);
      const [raw] = await world.query('SELECT COUNT(*) AS n FROM gcp_raw_cost', 'acme_corp');
      expect(raw?.n).toBe(exported?.n);
    }
    const dq = await world.query(
      "SELECT rule, `column`, status, expected, actual FROM x_meta_dq_results WHERE rule = 'matches_control_total' OR status != 'passed' ORDER BY rule",
      'acme_corp',
    );
    expect(dq.filter((r) => r.rule !== 'matches_control_total' && r.rule !== 'freshness')).toEqual([]);
  });

  test('gcp/cost/billing_cost: each currency is what its rows add up to without SQL, and a late correction changes its own only', async () => {
    const day = '2025-11-06';
    const expected = new Map<string, bigint>();
    for (const row of billingDay(day, { month: '2025-11', rowsPerDay: 200 })) {
      const credits = row.credits as readonly { readonly amount: string }[];
      const amount = [row.cost as string, ...credits.map((c) => c.amount)].reduce((sum, text) => sum + billionths(text), 0n);
      expected.set(row.currency as string, (expected.get(row.currency as string) ?? 0n) + amount);
    }
    expect(expected.size).toBe(2);
    const loaded = async (): Promise<Map<string, bigint>> => {
      const end = await world.end(await world.request('acme_corp', 'gcp/cost/cost_billing', { date: day }), 60_000);
      expect({ end: end.status, error: end.error }).toEqual({ end: 'COMPLETE', error: null });
      const rows = await world.query(
        `SELECT billing_currency, CAST(SUM(billed_cost) AS STRING) AS total FROM gcp_silver_cost WHERE charge_day = '${day}' GROUP BY billing_currency`,
        'acme_corp',
      );
      return new Map(rows.map((row) => [String(row.billing_currency), billionths(String(row.total))]));
    };
    expect(await loaded()).toEqual(expected);

    await world.query(
      `INSERT INTO gcp_billing_export SELECT * REPLACE (NUMERIC '-12.345678901' AS cost, 'adjustment' AS cost_type, TIMESTAMP '2025-11-20 08:00:00Z' AS export_time,
  ARRAY(SELECT AS STRUCT c.* REPLACE (NUMERIC '0.000000002' AS amount, CAST(NULL AS STRING) AS type) FROM UNNEST(credits) AS c LIMIT 1) AS credits)
FROM gcp_billing_export WHERE DATE(usage_start_time) = '${day}' AND currency = 'EUR' AND ARRAY_LENGTH(credits) > 0 LIMIT 1`,
      'convergence_samples',
    );
    expected.set('EUR', (expected.get('EUR') as bigint) - 12_345_678_899n);
    expect(await loaded()).toEqual(expected);
  });

  test('openai/example/costs: all pages, also behind a 429, with every digit', async () => {
    const runId = await world.request('acme_corp', 'openai/example/costs', {
      date: '2025-11-05',
      base_url: `http://127.0.0.1:${server.port}`,
    });
    const end = await world.end(runId, 60_000);
    expect({ end: end.status, error: end.error }).toEqual({ end: 'COMPLETE', error: null });
    expect(
      await world.query(
        'SELECT COUNT(*) AS n, CAST(SUM(amount) AS STRING) AS total, MIN(usage_day) AS day FROM openai_raw_costs',
        'acme_corp',
      ),
    ).toMatchObject([{ n: 9, day: '2025-11-05' }]);
  });

  test('aws/example/focus_export: only what the manifest lists', async () => {
    const runId = await world.request('acme_corp', 'aws/example/focus_export', { month: '2025-11' });
    const end = await world.end(runId, 60_000);
    expect({ end: end.status, error: end.error }).toEqual({ end: 'COMPLETE', error: null });
    expect(await world.query('SELECT COUNT(*) AS n, MAX(billed_cost) < 999 AS listed FROM aws_raw_focus', 'acme_corp')).toEqual([
      { n: 600, listed: true },
    ]);
  });
});
