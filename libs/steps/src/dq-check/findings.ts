import type { Rule } from './config.ts';

/** What one rule found. */
export interface Finding {
  readonly rule: string;
  readonly column: string | null;
  readonly severity: 'error' | 'warn';
  readonly passed: boolean;
  readonly rowsChecked: number | null;
  readonly rowsFailed: number | null;
  readonly expected: string | null;
  readonly actual: string | null;
  readonly sample: readonly unknown[];
  readonly asWritten: Rule;
}

export const statusOf = (finding: Finding): 'passed' | 'failed' | 'warned' =>
  finding.passed ? 'passed' : finding.severity === 'error' ? 'failed' : 'warned';
export const columnOfRule = (rule: Rule): string | null =>
  'columns' in rule && Array.isArray(rule.columns) ? rule.columns.join(', ') : 'column' in rule ? (rule.column ?? null) : null;
