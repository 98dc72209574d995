/**
 * The control endpoint, on the BigQuery REST port: `/healthz`, `/__stats` and `/__control/*`, for callers on this machine only.
 *
 *   GET    /__stats               counters per product, caller and resource, with dollars;  DELETE sets them to zero
 *   GET    /__control/faults      every fault point: what it does, its plan, how often passed and fired
 *   PUT    /__control/faults      {"point": {"probability": 1, "times": 2, "after": 0, "delayMs": 200} | null};  DELETE disarms all
 *   GET    /__control/limits      {"limits": "on" | "off"};  PUT the same
 *   GET    /__control/clock       {"factor": 1, "now": "..."};  PUT {"factor": 10}
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Control } from './control.ts';
import type { Plan } from './faults.ts';

const DOLLARS_PER_TIB = 6.25;
const MAX_BODY = 1_000_000;

class BadRequest extends Error {}

/** Answers true when the request was one of its own (the answer is then on its way). */
export function controlRoutes(control: Control): (request: IncomingMessage, response: ServerResponse) => boolean {
  const routes: Record<string, (method: string, body: () => Promise<unknown>) => unknown> = {
    '/healthz': (method) => (method === 'GET' ? { status: 'ok' } : undefined),
    '/__stats': (method) => {
      if (method === 'DELETE') {
        control.stats.reset();
      }
      return method === 'GET' || method === 'DELETE' ? statsOf(control) : undefined;
    },
    '/__control/faults': async (method, body) => {
      if (method === 'PUT' || method === 'POST') {
        control.faults.set(plans(await body()));
      } else if (method === 'DELETE') {
        control.faults.clear();
      } else if (method !== 'GET') {
        return undefined;
      }
      return control.faults.snapshot();
    },
    '/__control/limits': async (method, body) => {
      if (method === 'PUT' || method === 'POST') {
        const { limits } = record(await body());
        if (limits !== 'on' && limits !== 'off') {
          throw new BadRequest('limits must be "on" or "off"');
        }
        control.limits.switch(limits === 'on');
      } else if (method !== 'GET') {
        return undefined;
      }
      return { limits: control.limits.on ? 'on' : 'off' };
    },
    '/__control/clock': async (method, body) => {
      if (method === 'PUT' || method === 'POST') {
        const { factor } = record(await body());
        if (typeof factor !== 'number' || !(factor > 0) || factor > 100_000) {
          throw new BadRequest('factor must be a number above 0 and at most 100000');
        }
        control.clock.setFactor(factor);
      } else if (method !== 'GET') {
        return undefined;
      }
      return { factor: control.clock.factor, now: new Date(control.clock.now()).toISOString() };
    },
  };

  return (request, response) => {
    const path = (request.url ?? '/').split('?')[0]!;
    const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
    if (route === undefined && !path.startsWith('/__')) {
      return false;
    }
    if (!isLoopback(request.socket.remoteAddress)) {
      send(response, 403, { error: 'only callers on this machine' });
      return true;
    }
    const answer = async (): Promise<void> => {
      const result = await route?.(request.method ?? 'GET', () => readJson(request));
      send(response, result === undefined ? (route === undefined ? 404 : 405) : 200, result ?? { error: `no ${request.method} ${path}` });
    };
    answer().catch((error: unknown) => {
      const known = error instanceof BadRequest || error instanceof RangeError;
      send(response, known ? 400 : 500, { error: known ? error.message : 'internal error' });
    });
    return true;
  };
}

function statsOf(control: Control): unknown {
  const entries = control.stats.snapshot();
  const total: Record<string, number> = {};
  for (const { measures } of entries) {
    for (const [name, value] of Object.entries(measures)) {
      total[name] = (total[name] ?? 0) + value;
    }
  }
  return { entries, total, dollars: ((total.bytesBilled ?? 0) / 2 ** 40) * DOLLARS_PER_TIB, faults: control.faults.snapshot() };
}

function plans(body: unknown): Record<string, Plan | null> {
  const allowed = ['probability', 'times', 'after', 'delayMs'];
  const result: Record<string, Plan | null> = {};
  for (const [point, plan] of Object.entries(record(body))) {
    if (plan === null) {
      result[point] = null;
      continue;
    }
    for (const [key, value] of Object.entries(record(plan))) {
      if (!allowed.includes(key) || typeof value !== 'number' || value < 0) {
        throw new BadRequest(`${point}.${key}: a plan has ${allowed.join(', ')}, all numbers from 0`);
      }
    }
    result[point] = plan as Plan;
  }
  return result;
}

function record(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new BadRequest('the body must be a JSON object');
  }
  return value as Record<string, unknown>;
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  let size = 0;
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= MAX_BODY) {
      chunks.push(chunk);
    }
  }
  // Said only after it was read: whoever still sends does not listen.
  if (size > MAX_BODY) {
    throw new BadRequest('the body is too large');
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    throw new BadRequest('the body is not JSON');
  }
}

function isLoopback(address: string | undefined): boolean {
  return address === '::1' || (address ?? '').replace(/^::ffff:/, '').startsWith('127.');
}

function send(response: ServerResponse, code: number, body: unknown): void {
  response.writeHead(code, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify(body)}\n`);
}
