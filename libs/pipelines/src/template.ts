import type { TemplateRef } from '@convergence/contracts';

/** A template that passed every check: whoever holds one need not ask again. */
export type ParameterType = 'date' | 'month' | 'string' | 'integer' | 'number' | 'boolean' | 'table' | 'identifier';

export interface ParameterSpec {
  readonly name: string;
  readonly type: ParameterType;
  readonly description: string | undefined;
  readonly required: boolean;
  readonly default: string | number | boolean | undefined;
  /** `provider_config.{option}`: taken from the tenant's provider configuration unless the caller gave it. */
  readonly from: string | undefined;
  readonly enum: readonly (string | number)[] | undefined;
  readonly pattern: string | undefined;
  readonly minimum: number | undefined;
  readonly maximum: number | undefined;
}

export type When = 'succeeded' | 'failed' | 'finished';
export interface RetrySpec {
  readonly maxAttempts: number;
  readonly backoffSeconds: number;
  readonly multiplier: number;
}
export interface StepSpec {
  readonly id: string;
  readonly type: string;
  readonly description: string | undefined;
  readonly with: Readonly<Record<string, unknown>>;
  /** Resolved: a step without `depends_on` follows the one before it. */
  readonly dependsOn: readonly string[];
  readonly when: When;
  readonly onFailure: 'stop' | 'continue';
  /** A boolean, or a text with variables that becomes one when the run starts. */
  readonly enabled: boolean | string;
  readonly timeoutMinutes: number | undefined;
  readonly retry: RetrySpec;
}

export type Channel = 'email' | 'webhook' | 'slack';
export interface Template {
  /** The canonical name, also where it was found by an alias. */
  readonly name: string;
  readonly ref: TemplateRef;
  /** Set when this is a tenant's own version. */
  readonly tenantId: string | undefined;
  readonly aliases: readonly string[];
  readonly description: string;
  readonly version: number;
  /** SHA-256 over the template and its SQL files: what a run ran. */
  readonly hash: string;
  /** `configs/gcp/cost/billing_cost.yml` */
  readonly file: string;
  /** The text that it was read from. */
  readonly source: string;
  readonly parameters: readonly ParameterSpec[];
  readonly credentials: Readonly<Record<string, 'required' | 'optional'>>;
  readonly timeoutMinutes: number;
  readonly maxParallelSteps: number;
  readonly notify: { readonly on_failure: readonly Channel[]; readonly on_success: readonly Channel[] };
  readonly steps: readonly StepSpec[];
  readonly sqlFiles: Readonly<Record<string, string>>;
}

/** One thing that is wrong with a template, for people: `configs/gcp/cost/x.yml:12: unknown key "tpye"; did you mean "type"?` */
export interface TemplateProblem {
  readonly file: string;
  readonly line: number;
  readonly message: string;
  readonly suggestion: string | undefined;
}
export const problemText = (p: TemplateProblem): string =>
  `${p.file}:${p.line}: ${p.message}${p.suggestion ? `; did you mean "${p.suggestion}"?` : ''}`;
