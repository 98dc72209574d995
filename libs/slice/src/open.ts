import { randomUUID } from 'node:crypto';
import { Transient } from '@convergence/contracts';
import { type JournalWriter, journalWriter } from '@convergence/journal';
import { adoptDeletions, adoptEdits } from './adoption.ts';
import { checkpointer } from './checkpoint.ts';
import type { EventMeta } from './definition.ts';
import { outbox } from './outbox.ts';
import { readAgain, recover } from './recovery.ts';
import { REDO } from './redo.ts';
import type { CommandMeta, Outcome, Slice, SliceOptions } from './slice.ts';

/** More than that in hand means that work comes in faster than it can ever go out. */
const MAX_WAITING = 50_000;
const MAX_UNPUBLISHED = 200_000;

/** Takes the slice over and brings its state back; resolves when it serves. Throws Transient(owner.changing) when another start won. */
export async function openSlice<S, C, E extends { readonly type: string }>(given: SliceOptions<S, C, E>): Promise<Slice<S, C>> {
  // A process that is started again under its old name is another owner, and its statements are others.
  const options = { ...given, instance: `${given.instance}.${randomUUID()}` };
  const { definition, bus, clock, log, tables, owners, instance, at, random = randomUUID } = options;
  const recovered = await recover(options);
  const { core, epoch } = recovered;
  log.info({ slice: definition.name, epoch, sequence: core.sequence, replayed: recovered.replayed }, 'slice taken over');

  let lost: string | undefined;
  let closing = false;
  const listeners: ((reason: string) => void)[] = [];
  const loop = new AbortController();
  /** Applied, not yet durable; in the order of their sequence. */
  let staged: { event: E; meta: EventMeta }[] = [];

  const out = outbox({
    bus,
    clock,
    published: recovered.published,
    publishedAt: recovered.publishedAt,
    onFailure: (cause) => log.warn({ slice: definition.name, err: cause }, 'publishing failed; it is tried again'),
    onPublished: at && (() => at('published')),
  });
  const { events: unpublished, restAfter } = recovered.unpublished;
  for (const { event, meta } of unpublished) out.add(meta.sequence, meta.at, definition.outbox(event, meta));
  if (restAfter !== undefined) {
    const since = unpublished.at(-1)?.meta.at ?? recovered.publishedAt;
    out.follow(restAfter, (after) => readAgain(options, after, recovered.streamStart, since));
  }

  const writer: JournalWriter = journalWriter({
    store: options.journal,
    stream: recovered.stream,
    streamStart: recovered.streamStart,
    clock,
    at,
    onDurable(sequence) {
      let count = 0;
      while (count < staged.length && staged[count]!.meta.sequence <= sequence) {
        const { event, meta } = staged[count++]!;
        out.add(meta.sequence, meta.at, definition.outbox(event, meta));
      }
      staged = count === staged.length ? [] : staged.slice(count);
    },
    onDead: lose,
    onStall: (cause) => log.warn({ slice: definition.name, err: cause }, 'the journal does not take an append; it is tried again'),
  });

  function lose(reason: string, cause?: unknown): void {
    if (lost !== undefined) return;
    lost = reason;
    loop.abort(new Error(reason));
    out.stop();
    writer.kill(reason);
    log.error({ slice: definition.name, epoch, err: cause }, `slice lost: ${reason}`);
    for (const listener of listeners) listener(reason);
  }
  const gone = () => new Transient('The owner of this state is changing.', { code: 'owner.changing' });

  function admit(): void {
    if (lost !== undefined) throw gone();
    if (writer.stalled) throw new Transient('The journal does not answer.', { retryAfterSeconds: 5 });
    if (writer.waiting >= MAX_WAITING || out.waiting >= MAX_UNPUBLISHED) {
      throw new Transient('Too much work at once.', { code: 'service.overloaded' });
    }
  }

  /** Decides, applies and journals one command; what it says counts once all of now is durable. */
  function decide(command: C, actor: string | null, traceId: string | null): Outcome {
    const decision = core.decide(command, clock.now(), random);
    if ('refusal' in decision) return decision;
    if (decision.events.length === 0) return { reply: decision.reply };
    const prepared = core.prepare(decision.events);
    try {
      const { rows, events } = core.stage(prepared, actor, traceId);
      staged.push(...events);
      writer.write(rows);
    } catch (cause) {
      // The state is half changed and nobody may see it: nothing of this command was journalled.
      lose('an event could not be applied', cause);
      throw cause;
    }
    return { reply: decision.reply };
  }
  const textOf = (actor: unknown): string | null => (actor === undefined || actor === null ? null : JSON.stringify(actor));

  /** While closing, too: what was edited by hand is taken over before the last checkpoint. */
  async function carryOut(commands: readonly C[], meta: CommandMeta | ((index: number) => CommandMeta)): Promise<Outcome[]> {
    admit();
    const outcomes = commands.map((command, index) => {
      const { actor, traceId = null } = typeof meta === 'function' ? meta(index) : meta;
      return decide(command, textOf(actor), traceId);
    });
    // A refusal, too, rests on events that must be durable before anybody hears of it.
    await writer.whenDurable(core.sequence);
    return outcomes;
  }
  async function executeMany(commands: readonly C[], meta: CommandMeta | ((index: number) => CommandMeta) = {}): Promise<Outcome[]> {
    if (closing) throw gone();
    return carryOut(commands, meta);
  }

  let nextRefresh = clock.now() + options.refreshSeconds * 1000;
  const checkpoints = checkpointer({
    definition,
    core,
    owners,
    tables,
    clock,
    instance,
    epoch,
    holdMilliseconds: (options.holdSeconds ?? 120) * 1000,
    predecessorReleased: recovered.predecessorReleased,
    foundMarked: recovered.foundMarked,
    rowsAtOnce: options.rowsAtOnce,
    at,
    async journal(chunks) {
      const first = core.sequence + 1;
      const rows = chunks.map((chunk) => core.stageOwn(REDO, chunk));
      for (const row of rows) writer.write([row]);
      const last = core.sequence;
      await writer.whenDurable(last);
      return { first, last };
    },
    published: () => ({ published: out.published, publishedAt: out.publishedAt }),
    onDeposed: () => lose('another instance took over'),
    onEdited: () => {
      nextRefresh = clock.now();
    },
  });

  /** Never while a checkpoint is under way: a row that is being written must not be taken for an edit. */
  let keeping: Promise<unknown> = Promise.resolve();
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = keeping.then(work, work);
    keeping = done.catch(() => undefined);
    return done;
  }
  const adoption = {
    definition,
    core,
    tables,
    log,
    execute: (commands: readonly C[]) => carryOut(commands, { actor: { kind: 'edit' } }),
  };
  const refresh = (): Promise<number> => inTurn(lookForEdits);
  const checkpoint = (): Promise<boolean> =>
    inTurn(async () => {
      await adoptDeletions(adoption, closing);
      return checkpoints.run();
    });

  async function lookForEdits(): Promise<number> {
    const row = await owners.read(definition.name);
    if (row?.epoch !== epoch) {
      lose('another instance took over');
      throw gone();
    }
    return adoptEdits(adoption);
  }

  async function keepUp(): Promise<void> {
    let nextCheckpoint = clock.now() + options.checkpointSeconds * 1000;
    const attempt = async (what: string, work: () => Promise<unknown>) => {
      await work().catch((cause: unknown) => {
        if (lost === undefined) log.warn({ slice: definition.name, err: cause }, `${what} failed; it is tried again`);
      });
    };
    while (!loop.signal.aborted) {
      await clock.sleep(Math.max(0, Math.min(nextCheckpoint, nextRefresh) - clock.now()), loop.signal);
      if (clock.now() >= nextRefresh) {
        let adopted = false;
        await attempt('looking for edits', async () => {
          adopted = (await refresh()) > 0;
        });
        nextRefresh = clock.now() + options.refreshSeconds * 1000;
        // What was adopted is shown at once: until then setting it back would not be seen.
        if (adopted) nextCheckpoint = clock.now();
      }
      if (!loop.signal.aborted && clock.now() >= nextCheckpoint) {
        await attempt('the checkpoint', checkpoint);
        nextCheckpoint = clock.now() + options.checkpointSeconds * 1000;
      }
    }
  }
  const keepingUp = keepUp().catch(() => undefined);

  return {
    async execute<R>(command: C, meta?: CommandMeta): Promise<R> {
      const [outcome] = await executeMany([command], meta);
      if ('refusal' in outcome!) throw outcome.refusal;
      return outcome!.reply as R;
    },
    executeMany,
    get state() {
      if (lost !== undefined) throw gone();
      return core.state;
    },
    async read(look) {
      if (lost !== undefined) throw gone();
      const seen = look(core.state);
      await writer.whenDurable(core.sequence);
      return seen;
    },
    get ready() {
      return lost === undefined && !closing && !writer.stalled;
    },
    get figures() {
      return {
        sequence: core.sequence,
        durable: writer.durable,
        published: out.published,
        checkpoint: checkpoints.position,
        epoch,
        dirty: core.dirty,
        waiting: writer.waiting,
      };
    },
    onFenced(listener) {
      if (lost !== undefined) listener(lost);
      else listeners.push(listener);
    },
    async checkpoint() {
      if (lost !== undefined) throw gone();
      await checkpoint();
    },
    refresh,
    async close() {
      if (closing || lost !== undefined) return;
      closing = true;
      loop.abort(new Error('closing'));
      await keepingUp;
      try {
        await leave();
      } finally {
        out.stop();
        lost ??= 'closed';
      }
    },
  };

  async function leave(): Promise<void> {
    await writer.whenDurable(core.sequence);
    await checkpoint();
    for (let waited = 0; out.waiting > 0 && waited < 50; waited += 1) await clock.sleep(100);
    const released = checkpoints.calm;
    const { published, publishedAt } = out;
    await owners.record(definition.name, epoch, instance, { released, published, publishedAt, ...checkpoints.settled });
  }
}
