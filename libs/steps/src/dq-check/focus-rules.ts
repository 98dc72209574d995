/**
 * FOCUS 1.2 as row rules over a table of costs. Columns are found by their FOCUS name in snake_case (BilledCost: billed_cost) unless
 * the rule says otherwise. Names of rules follow the FOCUS requirements model.
 */

import { quoted } from '../sql.ts';
import type { Columns } from './compile.ts';

export interface FocusRule {
  readonly id: string;
  readonly column: string;
  readonly predicate: string | undefined;
  readonly expected: string;
}

const NOT_NULL = [
  'BilledCost',
  'BillingAccountId',
  'BillingCurrency',
  'BillingPeriodEnd',
  'BillingPeriodStart',
  'ChargeCategory',
  'ChargePeriodEnd',
  'ChargePeriodStart',
  'ContractedCost',
  'EffectiveCost',
  'InvoiceIssuerName',
  'ListCost',
  'ProviderName',
  'PublisherName',
  'ServiceCategory',
  'ServiceName',
];
const PRESENT = [...NOT_NULL, 'BillingAccountName', 'ChargeClass', 'ChargeDescription', 'PricingQuantity', 'PricingUnit'];
const SETS: Readonly<Record<string, readonly string[]>> = {
  ChargeCategory: ['Usage', 'Purchase', 'Tax', 'Credit', 'Adjustment'],
  ChargeClass: ['Correction'],
  ChargeFrequency: ['One-Time', 'Recurring', 'Usage-Based'],
  CapacityReservationStatus: ['Used', 'Unused'],
  CommitmentDiscountCategory: ['Spend', 'Usage'],
  CommitmentDiscountStatus: ['Used', 'Unused'],
  PricingCategory: ['Standard', 'Dynamic', 'Committed', 'Other'],
  ServiceCategory: [
    'AI and Machine Learning',
    'Analytics',
    'Business Applications',
    'Compute',
    'Databases',
    'Developer Tools',
    'Identity',
    'Integration',
    'Internet of Things',
    'Management and Governance',
    'Media',
    'Migration',
    'Mobile',
    'Multicloud',
    'Networking',
    'Security',
    'Storage',
    'Web',
    'Other',
  ],
};
const MONEY = ['BilledCost', 'ContractedCost', 'EffectiveCost', 'ListCost'];
/** Both set or both not. */
const PAIRS = [
  ['ConsumedQuantity', 'ConsumedUnit'],
  ['PricingQuantity', 'PricingUnit'],
  ['RegionId', 'RegionName'],
  ['SubAccountId', 'SubAccountName'],
] as const;

export function focusRules(columns: Columns, names: Readonly<Record<string, string>> = {}): FocusRule[] {
  const there = new Map(columns.list.map((c) => [c.name.toLowerCase(), c]));
  const find = (focus: string) => there.get((names[focus] ?? snake(focus)).toLowerCase());
  const rules: FocusRule[] = [];
  const add = (id: string, focus: string, expected: string, predicate: (column: string) => string) => {
    const column = find(focus);
    if (column) rules.push({ id: `focus.${id}`, column: column.name, expected, predicate: predicate(quoted(column.name)) });
  };
  for (const focus of PRESENT)
    if (!find(focus))
      rules.push({
        id: `focus.${focus}-present`,
        column: names[focus] ?? snake(focus),
        expected: 'the column exists',
        predicate: undefined,
      });
  for (const focus of NOT_NULL) add(`${focus}-not-null`, focus, 'no NULL', (c) => `${c} IS NOT NULL`);
  for (const focus of MONEY) {
    const column = find(focus);
    if (column && !/^(BIG)?NUMERIC/.test(column.type))
      rules.push({ id: `focus.${focus}-decimal`, column: column.name, expected: 'NUMERIC or BIGNUMERIC', predicate: undefined });
  }
  for (const [focus, values] of Object.entries(SETS))
    add(`${focus}-values`, focus, values.join(', '), (c) => `(${c} IS NULL OR ${c} IN (${values.map((v) => `'${v}'`).join(', ')}))`);
  add('BillingCurrency-iso4217', 'BillingCurrency', 'an ISO 4217 code', (c) => `(${c} IS NULL OR REGEXP_CONTAINS(${c}, r'^[A-Z]{3}$'))`);
  for (const [a, b] of PAIRS) {
    const other = find(b);
    if (other) add(`${a}-${b}-paired`, a, 'both or neither', (c) => `((${c} IS NULL) = (${quoted(other.name)} IS NULL))`);
  }
  const end = find('ChargePeriodEnd');
  if (end) add('ChargePeriod-order', 'ChargePeriodStart', 'before its end', (c) => `(${c} < ${quoted(end.name)})`);
  const billingEnd = find('BillingPeriodEnd');
  if (billingEnd) add('BillingPeriod-order', 'BillingPeriodStart', 'before its end', (c) => `(${c} < ${quoted(billingEnd.name)})`);
  const [quantity, category, klass] = [find('PricingQuantity'), find('ChargeCategory'), find('ChargeClass')];
  const correction = klass ? `${quoted(klass.name)} IS NOT DISTINCT FROM 'Correction' OR ` : '';
  if (quantity && category)
    add(
      'PricingQuantity-usage',
      'PricingQuantity',
      'set for usage',
      (c) => `(${correction}${quoted(category.name)} NOT IN ('Usage', 'Purchase') OR ${c} IS NOT NULL)`,
    );
  for (const [price, cost] of [
    ['ListUnitPrice', 'ListCost'],
    ['ContractedUnitPrice', 'ContractedCost'],
  ] as const) {
    const amount = find(cost);
    if (amount && quantity)
      add(`${cost}-price-times-quantity`, price, 'price times quantity', (c) => {
        const [q, a] = [quoted(quantity.name), quoted(amount.name)];
        return `(${correction}${c} IS NULL OR ${q} IS NULL OR ABS(${c} * ${q} - ${a}) <= GREATEST(ABS(${a}) * NUMERIC '0.000001', NUMERIC '0.000001'))`;
      });
  }
  return rules;
}

export const snake = (focus: string): string => focus.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase();
