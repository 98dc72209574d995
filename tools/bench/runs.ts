/**
 * Runs through the whole system, as `npm start` starts it: POST -> admitted -> executed with one step and its log -> completed and
 * released. A figure is the median of its rounds and stands beside its limit.
 *
 *   npm run bench -- runs [start] [post] [throughput] [peers]     BENCH_ROUNDS=3  BENCH_SECONDS=8  BENCH_RUNS=2000  BENCH_TENANTS=50
 *
 * `peers` is measured when it is named: as many jobs that do nothing, through BullMQ and graphile-worker (load/peers.ts).
 */
import { availableParallelism } from 'node:os';
import { manyRuns, type Round, sum } from './load/many-runs.ts';
import { measurePeers } from './load/peers.ts';
import { median, memoryMb } from './load/process-watch.ts';

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 8);
const RUNS = Number(process.env.BENCH_RUNS ?? 2000);
const TENANTS = Number(process.env.BENCH_TENANTS ?? 50);
/** POSTs under way at once in a flood. */
const FLOOD = 64;
/** A system is warm when twice in a row so many runs cost it no less than ever before, but for this share. */
const WARM = { runs: 1000, share: 0.05, most: 20 };
/** Of what local-cloud counts. */
const COUNTED = ['appends', 'publishRequests', 'messagesPublished', 'messagesAcked', 'ackRequests', 'statements'];
const PARTS = ['start', 'post', 'throughput', 'peers'];

const asked = process.argv.slice(2);
for (const part of asked) if (!PARTS.includes(part)) throw new Error(`There is no part ${part}, only ${PARTS.join(', ')}.`);
const wanted = (part: string) => asked.includes(part) || (part !== 'peers' && asked.length === 0);

const system = await manyRuns(TENANTS);
let perSecond: number | undefined;
try {
  await warmUp();
  if (wanted('start')) {
    const rounds = await measured('100 POSTs a second', () => system.atRate(100, SECONDS));
    say('POST to start', `${spread(rounds, ({ queued }) => queued)}; limit for p95 1000 ms`);
  }
  if (wanted('post')) {
    const rounds = await measured('200 POSTs a second', () => system.atRate(200, SECONDS));
    say('POST', `${spread(rounds, ({ posts }) => posts)}; limit for p99 100 ms`);
  }
  if (wanted('throughput')) {
    const rounds = await measured(`${RUNS} runs with ${FLOOD} POSTs under way`, () => system.flood(RUNS, FLOOD));
    const rates = rounds.map(({ seconds }) => RUNS / seconds);
    perSecond = median(rates);
    say('end to end', `${perSecond.toFixed(0)} runs a second, limit 300; rounds ${rates.map((rate) => rate.toFixed(0)).join(', ')}`);
  }
  say(
    'memory',
    Object.entries(system.pids)
      .map(([name, pid]) => `${name} ${memoryMb(pid).resident.toFixed(0)} MB`)
      .join(', '),
  );
} finally {
  await system.stop();
}
if (wanted('peers')) await measurePeers(RUNS, FLOOD, perSecond);

async function warmUp(): Promise<void> {
  const costs: number[] = [];
  const least = () => Math.min(...costs.slice(0, -2)) * (1 - WARM.share);
  const steady = () => costs.length > 2 && costs.slice(-2).every((cost) => cost > least());
  while (costs.length < WARM.most && !steady()) costs.push(sum(Object.values((await system.flood(WARM.runs, FLOOD)).costs)));
  const each = costs.map((ms) => ms.toFixed(1)).join(', ');
  say('warm-up', `${each} ms of processor time a run, ${WARM.runs} at a time: ${steady() ? 'steady' : 'not steady yet'}`);
}

async function measured(title: string, round: () => Promise<Round>): Promise<Round[]> {
  const rounds: Round[] = [];
  for (let n = 0; n < ROUNDS; n++) rounds.push(await round());
  const costs = Object.keys((rounds[0] as Round).costs).map((name) => [name, median(rounds.map(({ costs }) => costs[name] ?? 0))] as const);
  const together = sum(costs.map(([, ms]) => ms));
  const most = (1000 * availableParallelism()) / together;
  console.log(`\n${title}`);
  say('a run costs', `${costs.map(([name, ms]) => `${name} ${ms.toFixed(2)}`).join(', ')}`);
  say('', `together ${together.toFixed(2)} ms of processor time, so at most ${most.toFixed(0)} a second on this machine`);
  const counts = Object.values((rounds[0] as Round).counted).flatMap((measures) => Object.entries(measures));
  const said = counts.filter(([what]) => COUNTED.includes(what)).map(([what, n]) => `${n.toFixed(2)} ${what}`);
  say('and', `${said.join(', ')} of local-cloud`);
  return rounds;
}

function spread(rounds: readonly Round[], of: (round: Round) => readonly number[]): string {
  const at = (share: number) =>
    median(rounds.map((round) => of(round).toSorted((a, b) => a - b)[Math.floor(of(round).length * share)] ?? 0));
  return [0.5, 0.95, 0.99].map((share) => `p${share * 100} ${at(share).toFixed(0)} ms`).join(', ');
}

function say(what: string, text: string): void {
  console.log(`${what.padEnd(20)} ${text}`);
}
