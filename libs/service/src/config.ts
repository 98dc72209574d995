/**
 * Configuration: the environment parsed once, by one declaration, into a frozen object.
 *
 * Does not know: which service it serves, and it never reads `process.env` itself; main.ts hands the environment over.
 * 1. Every bad variable is named in ONE message with what is wrong with it and an example; nothing starts half configured.
 * 2. A secret's value never appears in that message.
 * 3. An empty string counts as unset, as shells and compose files write it.
 */

export interface Field<T> {
  readonly env: string;
  readonly secret: boolean;
  readonly example: string;
  readonly fallback: { readonly value: T } | undefined;
  /** Throws an Error whose message completes the sentence "NAME ...". */
  readonly parse: (text: string) => T;
}
export type Fields = Readonly<Record<string, Field<unknown>>>;
export type Config<F extends Fields> = { readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never };
export type Environment = Readonly<Record<string, string | undefined>>;

interface Options<T> {
  readonly default?: T;
  readonly example?: string;
}

export class ConfigError extends Error {
  override name = 'ConfigError';
}

function field<T>(env: string, options: Options<T>, example: string, parse: (text: string) => T, secret = false): Field<T> {
  const fallback = 'default' in options ? { value: options.default as T } : undefined;
  return { env, secret, example: options.example ?? example, fallback, parse };
}

/** Any text; `pattern` and `hint` narrow it. Give `default: undefined` for an optional one. */
export function text<T extends string | undefined = string>(
  env: string,
  options: Options<T> & { pattern?: RegExp; hint?: string } = {},
): Field<T | string> {
  return field<T | string>(env, options, 'some-text', (value) => {
    if (options.pattern && !options.pattern.test(value)) throw new Error(`must be ${options.hint ?? `like ${options.pattern}`}`);
    return value;
  });
}

/** Like text, but its value is kept out of every message and log line. */
export function secret<T extends string | undefined = string>(
  env: string,
  options: Options<T> & { minLength?: number } = {},
): Field<T | string> {
  const parse = (value: string) => {
    if (value.length < (options.minLength ?? 1)) throw new Error(`must be at least ${options.minLength} characters long`);
    return value;
  };
  return field<T | string>(env, options, '(a long random string)', parse, true);
}

export function integer<T extends number | undefined = number>(
  env: string,
  options: Options<T> & { min?: number; max?: number } = {},
): Field<T | number> {
  const { min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER } = options;
  return field<T | number>(env, options, String(options.default ?? Math.max(min, 1)), (value) => {
    const number = /^-?\d+$/.test(value) ? Number(value) : Number.NaN;
    if (!Number.isSafeInteger(number)) throw new Error('must be a whole number');
    if (number < min || number > max) throw new Error(`must be between ${min} and ${max}`);
    return number;
  });
}

/** A positive decimal number, for seconds and ratios. */
export function decimal(env: string, options: Options<number> & { min?: number; max?: number } = {}): Field<number> {
  const { min = 0, max = Number.MAX_VALUE } = options;
  return field(env, options, String(options.default ?? 1), (value) => {
    const number = /^\d+(\.\d+)?$/.test(value) ? Number(value) : Number.NaN;
    if (Number.isNaN(number)) throw new Error('must be a number');
    if (number < min || number > max) throw new Error(`must be between ${min} and ${max}`);
    return number;
  });
}

export function flag(env: string, options: Options<boolean> = { default: false }): Field<boolean> {
  return field(env, options, 'true', (value) => {
    if (/^(true|1|yes|on)$/i.test(value)) return true;
    if (/^(false|0|no|off)$/i.test(value)) return false;
    throw new Error('must be true or false');
  });
}

export function oneOf<const V extends readonly string[]>(
  env: string,
  values: V,
  options: Options<NoInfer<V[number]>> = {},
): Field<V[number]> {
  return field(env, options, values[0] ?? '', (value) => {
    if (!values.includes(value)) throw new Error(`must be one of ${values.join(', ')}`);
    return value;
  });
}

/** An http(s) URL without a trailing slash. */
export function url<T extends string | undefined = string>(env: string, options: Options<T> = {}): Field<T | string> {
  return field<T | string>(env, options, 'http://127.0.0.1:8081', (value) => {
    const parsed = URL.canParse(value) ? new URL(value) : undefined;
    if (!parsed || !/^https?:$/.test(parsed.protocol)) throw new Error('must be an http:// or https:// URL');
    return value.replace(/\/+$/, '');
  });
}

/** `host:port`, as the emulator variables of the cloud clients are written; a scheme in front is tolerated. */
export function hostPort<T extends string | undefined = string>(env: string, options: Options<T> = {}): Field<T | string> {
  return field<T | string>(env, options, '127.0.0.1:8085', (value) => {
    const bare = value.replace(/^https?:\/\//, '').replace(/\/+$/, '');
    const port = Number(/^(?:\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+):(\d{1,5})$/.exec(bare)?.[1]);
    if (!(port > 0 && port < 65536)) throw new Error('must be host:port');
    return bare;
  });
}

/** Comma-separated texts. */
export function list(env: string, options: Options<readonly string[]> = { default: [] }): Field<readonly string[]> {
  return field(env, options, 'a,b', (value) =>
    Object.freeze(
      value
        .split(',')
        .map((item) => item.trim())
        .filter(Boolean),
    ),
  );
}

/**
 * Parses `env` by `fields` (invariant 1). `check` sees the parsed values and adds sentences about combinations
 * ("ADMIN_API_KEY must be set ..."); it runs only when each value is right by itself.
 */
export function parseConfig<F extends Fields>(
  service: string,
  fields: F,
  env: Environment,
  check?: (config: Config<F>) => readonly string[],
): Config<F> {
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, declared] of Object.entries(fields)) {
    const raw = env[declared.env]?.trim();
    if (raw === undefined || raw === '') {
      if (declared.fallback) values[name] = declared.fallback.value;
      else problems.push(`${declared.env} is not set; example: ${declared.env}=${declared.example}`);
      continue;
    }
    try {
      values[name] = declared.parse(raw);
    } catch (error) {
      const shown = declared.secret ? 'its value is not shown' : `it is ${JSON.stringify(raw.slice(0, 80))}`;
      problems.push(`${declared.env} ${(error as Error).message} (${shown}); example: ${declared.env}=${declared.example}`);
    }
  }
  const config = Object.freeze(values) as Config<F>;
  if (problems.length === 0 && check) problems.push(...check(config));
  if (problems.length > 0) {
    const title = problems.length === 1 ? 'one setting is wrong' : `${problems.length} settings are wrong`;
    throw new ConfigError(`${service} cannot start, ${title}:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
  }
  return config;
}

/** The values of secret fields, for the log's redaction. */
export function secretValues<F extends Fields>(fields: F, config: Config<F>): string[] {
  return Object.entries(fields)
    .filter(([, declared]) => declared.secret)
    .map(([name]) => config[name])
    .filter((value) => typeof value === 'string');
}
