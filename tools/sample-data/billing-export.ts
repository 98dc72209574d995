/**
 * A month of a Google Cloud billing export as a company would have it: projects, services, labels, two currencies, usage and
 * committed-use discounts, promotions, refunds, taxes, and corrections that arrive days later. The same seed gives the same rows.
 *
 * 1. Money is made of whole billionths, so its sums are exact. 2. About 100 000 rows a month of 30 days.
 */
import type { ColumnSpec } from '@convergence/ports';

const pairs = 'ARRAY<STRUCT<key STRING, value STRING>>';
export const BILLING_EXPORT_COLUMNS: readonly ColumnSpec[] = [
  { name: 'billing_account_id', type: 'STRING', description: 'The billing account.' },
  { name: 'service', type: 'STRUCT<id STRING, description STRING>', description: 'The service.' },
  { name: 'sku', type: 'STRUCT<id STRING, description STRING>', description: 'What was used.' },
  { name: 'usage_start_time', type: 'TIMESTAMP', description: 'Start of the hour of usage.' },
  { name: 'usage_end_time', type: 'TIMESTAMP', description: 'End of it.' },
  { name: 'project', type: `STRUCT<id STRING, number STRING, name STRING, labels ${pairs}>`, description: 'Whose usage.' },
  { name: 'labels', type: pairs, description: 'Labels of the resource.' },
  { name: 'location', type: 'STRUCT<location STRING, country STRING, region STRING, zone STRING>', description: 'Where.' },
  { name: 'resource', type: 'STRUCT<name STRING, global_name STRING>', description: 'The resource.' },
  { name: 'export_time', type: 'TIMESTAMP', description: 'When the row was exported.' },
  { name: 'cost', type: 'NUMERIC', description: 'Before credits.' },
  { name: 'cost_at_list', type: 'NUMERIC', description: 'At list price.' },
  { name: 'currency', type: 'STRING', description: 'ISO 4217.' },
  { name: 'currency_conversion_rate', type: 'NUMERIC', description: 'From US dollars.' },
  {
    name: 'usage',
    type: 'STRUCT<amount NUMERIC, unit STRING, amount_in_pricing_units NUMERIC, pricing_unit STRING>',
    description: 'How much.',
  },
  {
    name: 'credits',
    type: 'ARRAY<STRUCT<name STRING, amount NUMERIC, full_name STRING, id STRING, type STRING>>',
    description: 'Negative amounts.',
  },
  { name: 'invoice', type: 'STRUCT<month STRING>', description: 'YYYYMM.' },
  { name: 'cost_type', type: 'STRING', description: 'regular, tax, adjustment or rounding_error.' },
  { name: 'adjustment_info', type: 'STRUCT<id STRING, description STRING, mode STRING, type STRING>', description: 'Why it was adjusted.' },
  { name: 'transaction_type', type: 'STRING', description: 'GOOGLE or THIRD_PARTY_RESELLER.' },
  { name: 'seller_name', type: 'STRING', description: 'Who sold it.' },
];

const SKUS = [
  ['6F81-5844-456A', 'Compute Engine', 'N2 Instance Core running in Americas', 'hour', 31_611_000, 'seconds', 3600],
  ['6F81-5844-456A', 'Compute Engine', 'N2 Instance Ram running in Americas', 'gibibyte hour', 4_237_000, 'byte-seconds', 3600],
  ['6F81-5844-456A', 'Compute Engine', 'Storage PD Capacity', 'gibibyte month', 40_000_000, 'byte-seconds', 2_628_000],
  ['95FF-2EF5-5EA1', 'Cloud Storage', 'Standard Storage US Multi-region', 'gibibyte month', 26_000_000, 'byte-seconds', 2_628_000],
  ['24E6-581D-38E5', 'BigQuery', 'Analysis (us-central1)', 'tebibyte', 6_250_000_000, 'bytes', 1],
  ['9662-B51E-5089', 'Cloud SQL', 'Cloud SQL for PostgreSQL: Zonal - vCPU', 'hour', 41_300_000, 'seconds', 3600],
  ['152E-C115-5142', 'Cloud Run', 'CPU Allocation Time', 'second', 24_000, 'seconds', 1],
  ['CCD8-9BF1-090E', 'Kubernetes Engine', 'Zonal Kubernetes Clusters', 'hour', 100_000_000, 'seconds', 3600],
  ['E505-1604-58F8', 'Networking', 'Network Internet Egress from Americas to Americas', 'gibibyte', 85_000_000, 'bytes', 1],
  ['5490-F7B7-8DF6', 'Cloud Logging', 'Log Storage cost', 'gibibyte', 500_000_000, 'bytes', 1],
  ['C7E2-9256-1C43', 'Vertex AI', 'Gemini Input Text Tokens', 'count', 75, 'requests', 1],
] as const;
const REGIONS = [
  ['us-central1', 'US'],
  ['us-east4', 'US'],
  ['europe-west1', 'BE'],
  ['asia-northeast1', 'JP'],
] as const;
const TEAMS = ['checkout', 'search', 'data-platform', 'mobile', 'ml'];
const ENVIRONMENTS = ['prod', 'staging', 'dev'];
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Small and fast, good enough to make data look like data: mulberry32. */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Billionths as decimal text. */
export function money(billionths: bigint): string {
  const sign = billionths < 0n ? '-' : '';
  const digits = (billionths < 0n ? -billionths : billionths).toString().padStart(10, '0');
  return `${sign}${digits.slice(0, -9)}.${digits.slice(-9)}`;
}

export interface BillingOptions {
  /** `2025-11` */
  readonly month: string;
  readonly rowsPerDay?: number;
  readonly seed?: number;
  /** Milliseconds since 1970: nothing was exported later. The same rows, whenever it is. */
  readonly until?: number;
}

/** Rows of one day of usage, whenever they were exported. */
export function billingDay(day: string, options: BillingOptions): Record<string, unknown>[] {
  const start = Date.parse(`${day}T00:00:00Z`);
  const pick = random((options.seed ?? 20_251_101) ^ Math.floor(start / DAY));
  const of = <T>(list: readonly T[]): T => list[Math.floor(pick() * list.length)] as T;
  const weekend = [0, 6].includes(new Date(start).getUTCDay());
  const rows: Record<string, unknown>[] = [];
  const count = Math.round((options.rowsPerDay ?? 3_300) * (weekend ? 0.85 : 1.05));
  for (let i = 0; i < count; i++) {
    const [serviceId, service, sku, pricingUnit, price, unit, scale] = of(SKUS);
    const at = start + Math.floor(pick() * 24) * HOUR;
    const project = Math.floor(pick() ** 2 * 12);
    const euro = project % 4 === 3;
    const rate = euro ? 920_000_000n : 1_000_000_000n;
    const quantity = BigInt(1 + Math.floor(pick() ** 4 * 400_000_000));
    const list = (quantity * BigInt(price) * rate) / 1_000_000n / 1_000_000_000n;
    const cost = (list * BigInt(pick() < 0.3 ? 930 : 1000)) / 1000n;
    const region = of(REGIONS);
    const zoned = service === 'Compute Engine' || service === 'Cloud SQL';
    const late = pick() < 0.012;
    const exported = Math.min(
      at + HOUR * (4 + Math.floor(pick() * 20)) + (late ? DAY * (2 + Math.floor(pick() * 12)) : 0),
      options.until ?? Number.POSITIVE_INFINITY,
    );
    const refund = late && pick() < 0.4;
    rows.push({
      billing_account_id: euro ? '01A2B3-C4D5E6-F70819' : '0123AB-4567CD-89EF01',
      service: { id: serviceId, description: service },
      sku: { id: skuId(sku), description: sku },
      usage_start_time: new Date(at).toISOString(),
      usage_end_time: new Date(at + HOUR).toISOString(),
      project: {
        id: `acme-${project}`,
        number: String(100_000_000_000 + project * 7919),
        name: `Acme ${project}`,
        labels: [{ key: 'team', value: TEAMS[project % 5] }],
      },
      labels:
        pick() < 0.15
          ? []
          : [
              { key: 'env', value: of(ENVIRONMENTS) },
              { key: 'app', value: `app-${Math.floor(pick() * 40)}` },
              ...(pick() < 0.02 ? [{ key: 'note', value: 'a "quoted", label\nof two lines' }] : []),
            ],
      location: { location: region[0], country: region[1], region: region[0], zone: zoned ? `${region[0]}-a` : null },
      resource: {
        name: `${service.toLowerCase().replaceAll(' ', '-')}-${Math.floor(pick() * 300)}`,
        global_name: `//resources/acme-${project}/${Math.floor(pick() * 300)}`,
      },
      export_time: new Date(exported).toISOString(),
      cost: money(refund ? -cost : cost),
      cost_at_list: money(refund ? -list : list),
      currency: euro ? 'EUR' : 'USD',
      currency_conversion_rate: money(rate),
      usage: {
        amount: money(quantity * BigInt(scale) * 1_000n),
        unit,
        amount_in_pricing_units: money(quantity * 1_000n),
        pricing_unit: pricingUnit,
      },
      credits: refund ? [] : creditsOf(service, cost, pick),
      invoice: { month: options.month.replace('-', '') },
      cost_type: refund ? 'adjustment' : 'regular',
      adjustment_info: refund
        ? { id: `adj-${day}-${i}`, description: 'Usage corrected', mode: 'PARTIAL_CORRECTION', type: 'USAGE_CORRECTION' }
        : null,
      transaction_type: 'GOOGLE',
      seller_name: null,
    });
  }
  rows.push(...monthly(day, start, options, rows));
  return rows;
}

function creditsOf(service: string, cost: bigint, pick: () => number): Record<string, unknown>[] {
  const credit = (name: string, type: string, part: bigint) => ({
    name,
    amount: money(-part),
    full_name: name,
    id: type.toLowerCase(),
    type,
  });
  const credits: Record<string, unknown>[] = [];
  if (service === 'Compute Engine' && pick() < 0.5)
    credits.push(credit('Sustained Usage Discount', 'SUSTAINED_USAGE_DISCOUNT', (cost * 2n) / 10n));
  if (service === 'Compute Engine' && pick() < 0.3)
    credits.push(credit('Committed Usage Discount: CPU', 'COMMITTED_USAGE_DISCOUNT', (cost * 37n) / 100n));
  if (pick() < 0.05) credits.push(credit('Free trial promotion', 'PROMOTION', cost / 3n));
  if (service === 'Cloud Run' && pick() < 0.2) credits.push(credit('Free tier', 'FREE_TIER', cost / 2n));
  return credits;
}

/** Tax and rounding on the first of the month: rows without a project. */
function monthly(day: string, start: number, options: BillingOptions, like: readonly Record<string, unknown>[]): Record<string, unknown>[] {
  if (!day.endsWith('-01') || !like[0]) return [];
  const base = {
    ...like[0],
    project: null,
    labels: [],
    location: { location: null, country: null, region: null, zone: null },
    resource: null,
    credits: [],
    adjustment_info: null,
    usage_start_time: new Date(start).toISOString(),
    usage_end_time: new Date(start + HOUR).toISOString(),
    usage: { amount: '0', unit: null, amount_in_pricing_units: '0', pricing_unit: null },
    invoice: { month: options.month.replace('-', '') },
  };
  return [
    {
      ...base,
      cost_type: 'tax',
      sku: { id: 'TAX', description: 'Tax' },
      service: { id: 'TAX', description: 'Invoice' },
      cost: '1234.567890123',
      cost_at_list: '1234.567890123',
      currency: 'USD',
    },
    {
      ...base,
      cost_type: 'rounding_error',
      sku: { id: 'RND', description: 'Rounding error' },
      service: { id: 'RND', description: 'Invoice' },
      cost: '-0.004999999',
      cost_at_list: '-0.004999999',
      currency: 'USD',
    },
  ];
}

const skuId = (text: string): string => {
  let hash = 2_166_136_261;
  for (const letter of text) hash = Math.imul(hash ^ letter.charCodeAt(0), 16_777_619) >>> 0;
  const hex = hash.toString(16).toUpperCase().padStart(8, '0');
  return `${hex.slice(0, 4)}-${hex.slice(4)}-0001`;
};

export function daysOf(month: string): string[] {
  const days: string[] = [];
  for (let at = Date.parse(`${month}-01T00:00:00Z`); new Date(at).toISOString().startsWith(month); at += DAY)
    days.push(new Date(at).toISOString().slice(0, 10));
  return days;
}
