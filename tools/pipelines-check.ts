/**
 * Validates every template and dry-runs its SQL. `npm run pipelines:check [configs-dir]`; problems are printed as file:line.
 * It asks the BigQuery of `npm start` where one runs. Without one, SQL is checked for its names only, and that is said.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { googleWarehouse, hostsFrom } from '@convergence/google';
import { loadTemplates, problemText } from '@convergence/pipelines';
import { checkSql } from './pipelines-check/sql.ts';

const dir = process.argv[2] ?? fileURLToPath(new URL('../configs', import.meta.url));
const catalogue = await loadTemplates(dir).catch((error: Error) => {
  console.error(error.message);
  process.exit(1);
});
const problems = catalogue.problems.map(problemText);
const shipped = catalogue.list();
const tenants = await readdir(join(dir, 'tenants')).catch(() => []);
const ofTenants = tenants.map((tenant) => catalogue.list(tenant)).filter((own) => own.some(({ tenantId }) => tenantId !== undefined));
const started = `http://127.0.0.1:${9050 + Number(process.env.PORT_OFFSET ?? 0)}`;
const answers = await fetch(`${started}/healthz`).then(
  (response) => response.ok,
  () => false,
);
// On a laptop nobody needs to look for Google's metadata server, which takes a second and a warning.
if (answers) process.env.METADATA_SERVER_DETECTION ??= 'none';
const hosts = hostsFrom({ ...(answers && { BIGQUERY_EMULATOR_HOST: started }), ...process.env });
if (hosts.bigquery) {
  const warehouse = googleWarehouse({
    project: process.env.GCP_PROJECT_ID ?? 'convergence-local',
    location: process.env.BIGQUERY_LOCATION ?? 'US',
    hosts,
  });
  problems.push(...(await checkSql(warehouse, shipped)));
  // What a tenant's own templates read may be made by those that ship, which have had their say.
  for (const templates of ofTenants)
    problems.push(...(await checkSql(warehouse, templates)).filter((problem) => problem.startsWith('configs/tenants/')));
  await warehouse.close();
}
for (const problem of problems) console.error(problem);
const count = shipped.length + ofTenants.flat().filter(({ tenantId }) => tenantId !== undefined).length;
const sql = hosts.bigquery ? 'SQL dry-run' : 'SQL not dry-run: start local-cloud by `npm start`, or set BIGQUERY_EMULATOR_HOST';
console.log(`${count} templates are valid, ${problems.length} ${problems.length === 1 ? 'problem' : 'problems'} (${sql})`);
process.exitCode = problems.length > 0 ? 1 : 0;
