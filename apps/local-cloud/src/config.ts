/**
 * The environment, read once. Every bad variable is named in one message, with its problem and an example.
 */
import { resolve } from 'node:path';
import { type Job, readJobs } from './cloud-scheduler/index.ts';
import { type Plan, parseFaults } from './control/index.ts';

/** `bigquery` brings Storage Write and the control endpoint with it. */
export type Product = 'pubsub' | 'bigquery' | 'kms';
const PRODUCTS: readonly Product[] = ['pubsub', 'bigquery', 'kms'];

export interface Config {
  readonly dataDir: string;
  readonly ports: { readonly pubsub: number; readonly bigquery: number; readonly storage: number; readonly kms: number };
  /** What is not wanted is not loaded either. */
  readonly products: readonly Product[];
  readonly limits: boolean;
  readonly strictAuth: boolean;
  readonly faults: Readonly<Record<string, Plan>>;
  readonly project: string;
  readonly location: string;
  /** What Cloud Scheduler plays. */
  readonly jobs: readonly Job[];
}
export class BadConfig extends Error {}

const PORTS = { pubsub: 8085, bigquery: 9050, storage: 9060, kms: 9070 };

export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const problems: string[] = [];
  const one = <T>(name: string, fallback: T, parse: (text: string) => T): T => {
    const text = env[name]?.trim();
    if (text === undefined || text === '') {
      return fallback;
    }
    try {
      return parse(text);
    } catch (error) {
      problems.push(`${name}=${text}: ${(error as Error).message}`);
      return fallback;
    }
  };
  const choice = (allowed: readonly string[]) => (text: string) => {
    if (!allowed.includes(text)) {
      throw new RangeError(`must be one of ${allowed.join(', ')}, e.g. ${allowed[0]}`);
    }
    return text;
  };
  const offset = one('PORT_OFFSET', 0, (text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < 0 || value > 50_000) {
      throw new RangeError('must be a whole number from 0 to 50000, e.g. 100');
    }
    return value;
  });
  const config: Config = {
    dataDir: resolve(one('LOCAL_CLOUD_DATA', '.data', String)),
    ports: {
      pubsub: one('PUBSUB_PORT', PORTS.pubsub + offset, port),
      bigquery: one('BIGQUERY_PORT', PORTS.bigquery + offset, port),
      storage: one('BIGQUERY_STORAGE_PORT', PORTS.storage + offset, port),
      kms: one('KMS_PORT', PORTS.kms + offset, port),
    },
    products: one('LOCAL_CLOUD_PRODUCTS', PRODUCTS, products),
    limits: one('LOCAL_CLOUD_LIMITS', 'off', choice(['on', 'off'])) === 'on',
    strictAuth: one('LOCAL_CLOUD_AUTH', 'open', choice(['open', 'strict'])) === 'strict',
    faults: one('LOCAL_CLOUD_FAULTS', {}, parseFaults),
    project: one('GCP_PROJECT_ID', 'convergence-local', String),
    location: one('BIGQUERY_LOCATION', 'US', String),
    jobs: one('LOCAL_CLOUD_SCHEDULER_JOBS', [], (file) => readJobs(file, env)),
  };
  if (config.jobs.length > 0 && !config.products.includes('pubsub')) {
    problems.push('LOCAL_CLOUD_SCHEDULER_JOBS: needs pubsub among LOCAL_CLOUD_PRODUCTS');
  }
  if (problems.length > 0) {
    throw new BadConfig(`The environment is not usable:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
  }
  return Object.freeze(config);
}

function products(text: string): readonly Product[] {
  const named = text.split(',').map((name) => name.trim());
  const unknown = named.find((name) => !PRODUCTS.some((product) => product === name));
  if (unknown !== undefined) {
    throw new RangeError(`${unknown} is none of ${PRODUCTS.join(', ')}, e.g. pubsub,kms`);
  }
  return PRODUCTS.filter((product) => named.includes(product));
}

/** 0 takes any free port; the line `ready` tells which. */
function port(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > 65_535) {
    throw new RangeError('must be a port from 0 to 65535, e.g. 8085');
  }
  return value;
}
