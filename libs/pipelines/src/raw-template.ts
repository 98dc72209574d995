import type { Channel, ParameterSpec, When } from './template.ts';

/** The template as YAML writes it. */
export interface RawTemplate {
  name: string;
  description: string;
  provider: string;
  domain: string;
  version: number;
  aliases?: string[];
  parameters?: Record<string, Omit<Partial<ParameterSpec>, 'name'>>;
  credentials?: Record<string, 'required' | 'optional'>;
  timeout_minutes?: number;
  max_parallel_steps?: number;
  notify?: { on_failure?: Channel[]; on_success?: Channel[] };
  steps: RawStep[];
}
export interface RawStep {
  id: string;
  type: string;
  description?: string;
  with?: Record<string, unknown>;
  depends_on?: string[];
  when?: When;
  on_failure?: 'stop' | 'continue';
  enabled?: boolean | string;
  timeout_minutes?: number;
  retry?: { max_attempts?: number; backoff_seconds?: number; multiplier?: number };
}

/** Notes a problem of the part at `path`. */
export type Say = (path: readonly (string | number)[], message: string, suggestion?: string) => void;
