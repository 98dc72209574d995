/** REST pages into a table: every page or none, every record or an error that says which. */
import type { ColumnSpec } from '@convergence/ports';
import { StepFailure } from '../failure.ts';
import { stageRows } from '../staged-rows.ts';
import type { StepCode } from '../step.ts';
import { replaceUnit } from '../target.ts';
import type { HttpExtractConfig } from './config.ts';
import { pagesOf } from './pages.ts';
import { authorization, Requester } from './request.ts';
import { rowsOf } from './rows.ts';

export const httpExtract: StepCode = async (context) => {
  const config = context.config as HttpExtractConfig;
  const requester = new Requester(context, config, await authorization(context, config));
  let pages = 0;
  let rows = 0;
  async function* batches() {
    for await (const page of pagesOf(config, (url) => requester.get(url))) {
      const batch = rowsOf(config, page.body);
      mustKnowCurrency(config, batch);
      pages++;
      rows += batch.length;
      await context.crashPoint('page');
      yield batch;
    }
    if (rows < (config.expect?.min_rows ?? 0))
      throw new StepFailure(
        'source_not_ready',
        'http.too_few_rows',
        `The source has ${rows} records; at least ${config.expect?.min_rows} are expected.`,
        { hint: 'The source may not be complete yet; it is tried again by itself.', transient: true },
      );
  }
  const columns: ColumnSpec[] = Object.entries(config.columns).map(([name, { type, path }]) => ({
    name,
    type,
    description: `${path} of the source.`,
  }));
  const staged = await stageRows(context, columns, batches());
  const outcome = await replaceUnit(context, config, staged);
  return { ...outcome, outputs: { ...outcome.outputs, pages } };
};

function mustKnowCurrency(config: HttpExtractConfig, rows: readonly Record<string, unknown>[]): void {
  const rule = config.expect?.currency;
  if (!rule) return;
  const unknown = rows.find((row) => !rule.in.some((code) => code.toUpperCase() === String(row[rule.column] ?? '').toUpperCase()));
  if (unknown)
    throw new StepFailure(
      'schema',
      'http.currency',
      `A record is in ${String(unknown[rule.column] ?? 'no currency')}; ${rule.in.join(', ')} is expected.`,
      { hint: 'Amounts of an unknown currency are not added up.' },
    );
}
