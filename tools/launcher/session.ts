import type { Plan } from './plan.ts';

/** What is shown once everything is ready: where it is, and a first session to paste. */
export function welcome(plan: Plan, seconds: number): string {
  const url = plan.gatewayUrl;
  const has = (name: string) => plan.services.some((service) => service.name === name);
  const addresses = plan.services.map((service) => `  ${service.name.padEnd(18)} ${service.readyUrl?.replace('/readyz', '')}`);
  const lines = [`Ready in ${seconds.toFixed(1)} s. Data: ${plan.dataDir}   Stop: Ctrl-C`, '', ...addresses];
  lines.push(...plan.cloud.ports.map(({ port, use }) => `  ${use.padEnd(22)} 127.0.0.1:${port}  (local-cloud)`));
  if (has('gateway'))
    lines.push(
      '',
      `API reference: ${url}/docs    OpenAPI: ${url}/openapi.json`,
      '',
      'A first session to paste (the cost pipeline reads sample data, which is being installed now when this is the first start):',
      '',
      session(url, `http://127.0.0.1:${plan.samplePort}`),
    );
  return lines.join('\n');
}

function session(url: string, samples: string): string {
  return [
    `curl -s -X POST ${url}/api/v1/tenants/onboard -H 'Content-Type: application/json' \\`,
    `  -d '{"tenant_id":"acme_corp","company_name":"Acme","admin_email":"admin@acme.example","subscription_plan":"STARTER"}' | tee /tmp/acme.json`,
    `KEY=$(node -p "JSON.parse(require('fs').readFileSync('/tmp/acme.json')).api_key")`,
    `curl -s ${url}/api/v1/tenants/acme_corp/quota -H "X-API-Key: $KEY"`,
    `curl -s -X POST ${url}/api/v1/pipelines/run/acme_corp/gcp/example/dryrun -H "X-API-Key: $KEY" -H 'Content-Type: application/json' -d '{}'`,
    `curl -s -X POST ${url}/api/v1/pipelines/run/acme_corp/gcp/cost/billing_cost -H "X-API-Key: $KEY" -H 'Content-Type: application/json' -d '{}'`,
    `curl -s -X POST ${url}/api/v1/pipelines/run/acme_corp/openai/example/costs -H "X-API-Key: $KEY" -H 'Content-Type: application/json' -d '{"base_url":"${samples}"}'`,
    `curl -s ${url}/api/v1/pipelines/runs -H "X-API-Key: $KEY"`,
    `curl -s -X POST ${url}/api/v1/scheduler/trigger -H 'X-Admin-Key: dev-admin-key'`,
  ].join('\n');
}
