/**
 * The reference pages that are made from declarations, so that they can not say anything else: errors, operations, events, steps,
 * tables.
 * Declarations in, pages out. `npm run docs` writes them; completeness.test.ts compares. What a schema takes is told in schema-text.ts.
 */
import { ERRORS, EVENTS, type EventDefinition, OPERATIONS, type Operation, SUBSCRIPTIONS, subscriptionName } from '@convergence/contracts';
import type { TableSpec, ViewSpec } from '@convergence/ports';
import * as tables from '@convergence/tables';
import { cell, page } from './page.ts';
import { fields, type Schema } from './schema-text.ts';
import { stepPages } from './step-pages.ts';

export function referencePages(): Map<string, string> {
  const pages = new Map<string, string>([
    ['docs/errors.md', errorsPage()],
    ['docs/api.md', apiPage(OPERATIONS)],
    ['docs/events/README.md', eventsList()],
    ['docs/tables/README.md', tablesList()],
  ]);
  for (const event of EVENTS) pages.set(`docs/events/${event.name}.md`, eventPage(event));
  for (const [path, content] of stepPages()) pages.set(path, content);
  for (const table of declaredTables()) pages.set(`docs/tables/${table.name}.md`, tablePage(table));
  return pages;
}

export function declaredTables(): TableSpec[] {
  const found = new Map<string, TableSpec>();
  const look = (value: unknown): void => {
    if (Array.isArray(value)) return value.forEach(look);
    const spec = value as Partial<TableSpec> | null;
    if (typeof spec === 'object' && typeof spec?.name === 'string' && Array.isArray(spec.columns)) found.set(spec.name, spec as TableSpec);
  };
  Object.values(tables).forEach(look);
  return [...found.values()].sort((a, b) => a.name.localeCompare(b.name));
}

function declaredViews(): ViewSpec[] {
  const all = Object.values(tables).flatMap((value) => (Array.isArray(value) ? (value as unknown[]) : [value]));
  return all.filter((value): value is ViewSpec => typeof (value as Partial<ViewSpec> | null)?.sql === 'string');
}

function errorsPage(): string {
  return page(
    '# Errors',
    '',
    'Every error is an `application/problem+json` document (RFC 9457) with one of these codes. A code never changes its meaning or status.',
    'What is 503 may be tried again after `Retry-After` seconds; everything else stays as it is until the request changes.',
    '',
    '| code | status | title |',
    '|---|---|---|',
    ...Object.entries(ERRORS).map(([code, { status, title }]) => `| \`${code}\` | ${status} | ${title} |`),
  );
}

function apiPage(operations: readonly Operation[]): string {
  const resources = Map.groupBy(operations, (operation) => operation.id.split('.')[0] as string);
  const lines = [
    '# The REST API',
    '',
    'The gateway serves the same as OpenAPI 3.1 at `/openapi.json` and as a page at `/docs`. `/tenants/...` paths also answer under',
    '`/customers/...`, with `customer_id` for `tenant_id`.',
  ];
  for (const [resource, own] of resources) {
    lines.push('', `## ${resource}`);
    for (const operation of own) lines.push('', ...operationLines(operation));
  }
  return page(...lines);
}

function operationLines(operation: Operation): string[] {
  const facts = [`auth: ${operation.auth}`, ...(operation.scope ? [`scope: \`${operation.scope}\``] : []), `owner: ${operation.owner}`];
  const lines = [`### ${operation.id}`, '', `\`${operation.method} ${operation.path}\` - ${operation.summary} (${facts.join(', ')})`];
  for (const [title, schema] of [
    ['Query', operation.query],
    ['Body', operation.body],
  ] as const) {
    if (schema) lines.push('', `${title}:`, '', ...fields(schema as Schema));
  }
  if (operation.errors.length > 0) lines.push('', `Errors: ${operation.errors.map((code) => `\`${code}\``).join(', ')}`);
  return lines;
}

const subscribersOf = (topic: string) => SUBSCRIPTIONS.filter((subscription) => subscription.topic === topic);

function eventsList(): string {
  const topics = [...new Set(EVENTS.map((event) => event.topic))];
  return page(
    '# Events',
    '',
    'CloudEvents 1.0 in Pub/Sub binary mode; of those that may come in bundles several at once travel in one message, in batched mode, `application/cloudevents-batch+json`. Each topic has a dead-letter topic `<topic>-dead-letter` with a subscription of the same name.',
    '',
    '| event | topic | ordered by key | in bundles |',
    '|---|---|---|---|',
    ...(EVENTS as readonly EventDefinition[]).map(
      (event) =>
        `| [${event.name}](${event.name}.md) | ${event.topic} | ${event.orderingKey ? 'yes' : 'no'} | ${event.bundled ? 'yes' : 'no'} |`,
    ),
    '',
    '| topic | subscriptions |',
    '|---|---|',
    ...topics.map(
      (topic) =>
        `| ${topic} | ${subscribersOf(topic)
          .map((subscription) => subscriptionName(subscription))
          .join(', ')} |`,
    ),
  );
}

function eventPage(event: EventDefinition): string {
  const subscribers = subscribersOf(event.topic).map(
    (subscription) =>
      `- \`${subscriptionName(subscription)}\`${'broadcast' in subscription ? ' (one for each instance)' : ''}${'exactlyOnce' in subscription ? ' (exactly once)' : ''}`,
  );
  return page(
    `# ${event.name}`,
    '',
    `Type \`${event.type}\` on topic \`${event.topic}\`${event.orderingKey ? ', delivered in order within its key' : ''}.`,
    '',
    'Data:',
    '',
    ...fields(event.data as Schema),
    '',
    'Subscriptions of the topic:',
    '',
    ...subscribers,
  );
}

function tablesList(): string {
  return page(
    '# Tables',
    '',
    'Each table is written by one service only; people and dashboards read it. What the columns mean is also in BigQuery itself.',
    '',
    '| table | holds |',
    '|---|---|',
    ...declaredTables().map((table) => `| [${table.name}](${table.name}.md) | ${cell(table.description)} |`),
    '',
    '| view | shows |',
    '|---|---|',
    ...declaredViews().map((view) => `| ${view.name} | ${cell(view.description)} |`),
  );
}

function tablePage(table: TableSpec): string {
  const partition = table.partitionBy;
  return page(
    `# ${table.name}`,
    '',
    table.description,
    '',
    ...(partition
      ? [
          `Partitioned by ${partition.granularity.toLowerCase()} of \`${partition.column}\`${partition.expirationDays ? `, kept ${partition.expirationDays} days` : ''}.`,
        ]
      : []),
    ...(table.clusterBy ? [`Clustered by ${table.clusterBy.map((column) => `\`${column}\``).join(', ')}.`] : []),
    '',
    '| column | type | |',
    '|---|---|---|',
    ...table.columns.map(
      (column) => `| \`${column.name}\` | ${column.type}${column.required ? ', required' : ''} | ${cell(column.description)} |`,
    ),
  );
}
