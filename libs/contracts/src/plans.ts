export const PLANS = {
  STARTER: { daily: 6, monthly: 180, concurrent: 3, members: 2, providers: 3, weight: 1 },
  PROFESSIONAL: { daily: 25, monthly: 750, concurrent: 5, members: 6, providers: 6, weight: 2 },
  SCALE: { daily: 100, monthly: 3000, concurrent: 10, members: 11, providers: 10, weight: 4 },
} as const;
export type Plan = keyof typeof PLANS;
export const PLAN_NAMES = Object.keys(PLANS) as [Plan, ...Plan[]];

export const SCOPES = ['pipelines:read', 'pipelines:write', 'pipelines:execute', 'tenant:read', 'tenant:write'] as const;
export type Scope = (typeof SCOPES)[number];

export const PROVIDERS = ['GCP', 'AWS', 'AZURE', 'OPENAI', 'CLAUDE'] as const;
export type Provider = (typeof PROVIDERS)[number];
export const DOMAINS = ['COST', 'SECURITY', 'COMPLIANCE', 'OBSERVABILITY', 'EXAMPLE'] as const;
export type Domain = (typeof DOMAINS)[number];
