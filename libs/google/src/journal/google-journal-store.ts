/**
 * The journal's table by the Storage Write API: committed streams with explicit offsets.
 *
 * 1. Refusals come inside an append's result, not as exceptions: they are looked for there (and in exceptions too).
 * 2. After any failure the connection is given up, so that a late answer can't be taken for another append's.
 */
import { Transient } from '@convergence/contracts';
import {
  type AppendOutcome,
  type JournalRange,
  type JournalRow,
  type JournalStore,
  type Row,
  type Warehouse,
  WarehouseError,
} from '@convergence/ports';
import type { managedwriter as writing } from '@google-cloud/bigquery-storage';
import { bigqueryStorage } from '../clients.ts';
import { type GoogleConfig, grpcOptions } from '../endpoints.ts';
import { codeOf, isNotFound, mayRetry } from '../grpc-errors.ts';
import { within } from '../within.ts';
import { encodeRow, ROW_DESCRIPTOR } from './row-encoder.ts';

const OUTCOMES: Readonly<Record<number, AppendOutcome>> = { 6: 'already', 9: 'fenced', 11: 'out_of_range' };
/** A resend is harmless, so there is no reason to wait long. */
const APPEND_TIMEOUT = 3_000;
/** Journal rows that one row of an answer carries, that one query reads, and rows of an answer that travel at once: some megabytes. */
const SMALL_ROWS = { pack: 1_000, window: 100_000, page: 4 };
const LARGE_ROWS = { pack: 100, window: 2_000, page: 4 };

interface Connection {
  readonly writer: writing.Writer;
  close(): void;
}

export function googleJournalStore(
  config: GoogleConfig,
  warehouse: Pick<Warehouse, 'pages'>,
  table: { readonly dataset: string; readonly name: string },
): JournalStore {
  const { managedwriter } = bigqueryStorage();
  const client = new managedwriter.WriterClient(grpcOptions(config, 'bigqueryStorage') as never);
  const path = `projects/${config.project}/datasets/${table.dataset}/tables/${table.name}`;
  const connections = new Map<string, Promise<Connection>>();

  async function connect(stream: string): Promise<Connection> {
    const connection = await client.createStreamConnection({ streamId: stream });
    // Without a listener an error here would end the process.
    connection.onConnectionError(() => undefined);
    const writer = new managedwriter.Writer({ connection, protoDescriptor: ROW_DESCRIPTOR as never });
    return { writer, close: () => writer.close() };
  }
  function giveUp(stream: string): void {
    const old = connections.get(stream);
    connections.delete(stream);
    old?.then(
      (connection) => connection.close(),
      () => undefined,
    );
  }
  const transient = (cause: unknown, what: string): unknown =>
    mayRetry(cause) || codeOf(cause) === undefined
      ? new Transient(`${table.name}: ${what}`, { cause })
      : new WarehouseError(String(codeOf(cause)), `${table.name}: ${what}: ${(cause as Error).message}`, { cause });

  async function retried<T>(what: string, work: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await work();
      } catch (cause) {
        const error = transient(cause, what);
        if (!(error instanceof Transient) || attempt === 6) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100 * 2 ** attempt));
      }
    }
  }

  /** Packed, many rows to one text: what travels and is parsed is then the rows alone. */
  function window(from: number, to: number, { pack, page }: typeof SMALL_ROWS, range: JournalRange): AsyncIterator<readonly Row[]> {
    const data = range.withoutDataOf === undefined ? 'data' : "IF(type = @without, '', data)";
    const columns = ['CAST(sequence AS STRING)', 'CAST(epoch AS STRING)', 'CAST(UNIX_MILLIS(`at`) AS STRING)', 'subject', 'type', data]
      .concat("COALESCE(actor, '')", "COALESCE(trace_id, '')")
      .join(", '\\t', ");
    const statement = {
      sql: `SELECT page, STRING_AGG(CONCAT(${columns}), '\\n' ORDER BY sequence) AS packed
FROM (
  SELECT *, DIV(sequence - @after - 1, ${pack}) AS page
  FROM \`${config.project}.${table.dataset}.${table.name}\`
  WHERE \`at\` >= @since AND sequence > @after AND sequence <= @through
)
GROUP BY page
ORDER BY page`,
      parameters: {
        after: { type: 'INT64', value: from },
        since: { type: 'TIMESTAMP', value: range.since ?? '1970-01-01T00:00:00Z' },
        ...(range.withoutDataOf !== undefined && { without: { type: 'STRING', value: range.withoutDataOf } }),
        through: { type: 'INT64', value: to },
      },
      labels: { purpose: 'recovery' },
    };
    return warehouse.pages(statement, page)[Symbol.asyncIterator]();
  }

  return {
    createStream: () =>
      retried('no stream can be made', () =>
        client.createWriteStream({ streamType: managedwriter.CommittedStream, destinationTable: path }),
      ),

    async append(stream, offset, rows) {
      try {
        const connecting = connections.get(stream) ?? connect(stream);
        connections.set(stream, connecting);
        const { writer } = await connecting;
        const sent = writer.appendRows({ serializedRows: rows.map((row) => encodeRow(checked(row))) }, offset);
        const answer = await within(sent.getResult(), APPEND_TIMEOUT);
        const rejected = answer.rowErrors?.[0];
        if (rejected) throw new WarehouseError('invalid', `${table.name} takes no such row: ${rejected.message}`);
        if (!answer.error) return 'appended';
        throw Object.assign(new Error(answer.error.message ?? 'the append failed'), { code: answer.error.code });
      } catch (cause) {
        const outcome = OUTCOMES[codeOf(cause) ?? -1];
        if (outcome) return outcome;
        giveUp(stream);
        if (cause instanceof WarehouseError || cause instanceof TypeError) throw cause;
        throw transient(cause, 'an append failed');
      }
    },

    async finalize(stream) {
      giveUp(stream);
      try {
        const answer = await retried('a stream can not be finalized', () => client.finalizeWriteStream({ name: stream }));
        return Number(answer?.rowCount ?? 0);
      } catch (cause) {
        if (isNotFound((cause as Error).cause)) return undefined;
        throw cause;
      }
    },

    /** A window of sequences at a time, the next one asked for while this one is worked on. Sequences have no gaps, so an empty window is the end. */
    async *read(after, range = {}) {
      const through = range.through ?? Number.MAX_SAFE_INTEGER;
      const sizes = range.large ? LARGE_ROWS : SMALL_ROWS;
      const begin = (from: number) => {
        if (from >= through) return undefined;
        const pages = window(from, Math.min(through, from + sizes.window), sizes, range);
        const first = pages.next();
        first.catch(() => undefined);
        return { pages, first };
      };
      const unpack = unpacker();
      let from = after;
      for (let current = begin(from); current; from += sizes.window) {
        let page = await current.first;
        if (page.done) return;
        const next = begin(from + sizes.window);
        for (; !page.done; page = await current.pages.next()) {
          for (const { packed } of page.value) yield String(packed).split(ROWS).map(unpack);
        }
        current = next;
      }
    },

    async close() {
      for (const stream of [...connections.keys()]) giveUp(stream);
      client.close();
      await client.getClient().close();
    },
  };
}

/** Neither JSON nor a name holds these as they are, and an answer spends two bytes on one; six on other control characters. */
const ROWS = '\n';
const COLUMNS = '\t';

/** Neighbours often happened in one moment: its text is made once. */
function unpacker(): (text: string) => JournalRow {
  let millis = '';
  let time = '';
  return (text) => {
    const parts = text.split(COLUMNS);
    if (parts.length !== 8) throw new Error(`a journal row has ${parts.length} columns: ${text.slice(0, 200)}`);
    const [sequence, epoch, at, subject, type, data, actor, trace] = parts as [
      string,
      string,
      string,
      string,
      string,
      string,
      string,
      string,
    ];
    if (at !== millis) {
      millis = at;
      time = new Date(Number(at)).toISOString();
    }
    return {
      sequence: Number(sequence),
      epoch: Number(epoch),
      at: time,
      subject,
      type,
      data,
      actor: actor === '' ? null : actor,
      trace_id: trace === '' ? null : trace,
    };
  };
}

function checked(row: JournalRow): JournalRow {
  for (const text of [row.subject, row.type, row.data, row.actor ?? '', row.trace_id ?? '']) {
    if (text.includes(ROWS) || text.includes(COLUMNS)) throw new TypeError(`a journal row holds a control character: ${row.type}`);
  }
  return row;
}
