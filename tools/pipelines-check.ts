/**
 * Validates every template and dry-runs its SQL. `npm run pipelines:check [configs-dir]`; problems are printed as file:line.
 * Without a BigQuery to ask, SQL is checked for its names only, and that is said.
 */
import { fileURLToPath } from 'node:url';
import { googleWarehouse, hostsFrom } from '@convergence/google';
import { loadTemplates, problemText } from '@convergence/pipelines';
import { checkSql } from './pipelines-check/sql.ts';

const dir = process.argv[2] ?? fileURLToPath(new URL('../configs', import.meta.url));
const catalogue = await loadTemplates(dir);
const problems = catalogue.problems.map(problemText);
const templates = catalogue.list();
const hosts = hostsFrom(process.env);
if (hosts.bigquery) {
  const warehouse = googleWarehouse({
    project: process.env.GCP_PROJECT_ID ?? 'convergence-local',
    location: process.env.BIGQUERY_LOCATION ?? 'US',
    hosts,
  });
  for (const template of templates) problems.push(...(await checkSql(warehouse, template)));
  await warehouse.close();
}
for (const problem of problems) console.error(problem);
const sql = hosts.bigquery ? 'SQL dry-run' : 'SQL not dry-run: BIGQUERY_EMULATOR_HOST is not set';
console.log(`${templates.length} templates are valid, ${problems.length} problems (${sql})`);
process.exitCode = problems.length > 0 ? 1 : 0;
