/** What writers rely on, by the real client against a running process. Numbers in names are the invariants of stream-book.ts. */
import { createRequire } from 'node:module';
import { adapt, managedwriter } from '@google-cloud/bigquery-storage';
import { Client, credentials, type StatusObject, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { same } from '../hostile-clients.ts';
import { type StartedProcess, startProcess } from '../started-process.ts';

type Writers = InstanceType<typeof managedwriter.WriterClient>;
type Writer = InstanceType<typeof managedwriter.JSONWriter>;
const PROJECT = 'convergence-local';
const fields = [
  { name: 'seq', type: 'INTEGER', mode: 'REQUIRED' },
  { name: 'who', type: 'STRING' },
  { name: 'at', type: 'TIMESTAMP' },
  { name: 'day', type: 'DATE' },
  { name: 'amount', type: 'NUMERIC' },
  { name: 'tags', type: 'STRING', mode: 'REPEATED' },
  {
    name: 'detail',
    type: 'RECORD',
    fields: [
      { name: 'n', type: 'INTEGER' },
      { name: 'parts', type: 'FLOAT', mode: 'REPEATED' },
    ],
  },
  { name: 'body', type: 'JSON' },
  { name: 'raw', type: 'BYTES' },
  { name: 'local', type: 'DATETIME' },
  { name: 'clock', type: 'TIME' },
  { name: 'ok', type: 'BOOLEAN' },
];
const { version } = createRequire(import.meta.url)('@google-cloud/bigquery-storage/package.json') as { version: string };

describe(`Storage Write by @google-cloud/bigquery-storage ${version}`, () => {
  let cloud: StartedProcess;
  let client: Writers;
  let tables = 0;

  const rest = async (method: string, path: string, body?: unknown) => {
    const response = await fetch(`${cloud.addresses.bigquery}/projects/${PROJECT}${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    // biome-ignore lint/suspicious/noExplicitAny: the REST answer
    const json: any = response.status === 204 ? {} : await response.json();
    if (!response.ok) throw new Error(json.error.message);
    return json;
  };
  const newTable = async () => {
    const tableId = `t${++tables}`;
    await rest('POST', '/datasets/d/tables', { tableReference: { tableId }, schema: { fields } });
    return `projects/${PROJECT}/datasets/d/tables/${tableId}`;
  };
  const rowsOf = async (table: string): Promise<unknown[][]> => {
    const rows: unknown[][] = [];
    let token = '';
    do {
      const page = await rest(
        'GET',
        `/datasets/d/tables/${table.split('/').at(-1)}/data?formatOptions.useInt64Timestamp=true${token ? `&pageToken=${token}` : ''}`,
      );
      for (const row of page.rows ?? []) rows.push(row.f.map((cell: { v: unknown }) => cell.v));
      token = page.pageToken ?? '';
    } while (token);
    return rows;
  };
  const seqs = async (table: string) => (await rowsOf(table)).map((row) => Number(row[0]));
  const connect = () => {
    const [host, port] = cloud.addresses.storage.split(':') as [string, string];
    return new managedwriter.WriterClient({
      projectId: PROJECT,
      apiEndpoint: host,
      port: Number(port),
      sslCreds: credentials.createInsecure(),
    });
  };
  const open = async (table: string, streamType: string): Promise<{ name: string; writer: Writer; finalize: () => Promise<unknown> }> => {
    const described = await client.getWriteStream({ streamId: `${table}/streams/_default`, view: 'FULL' as never });
    const protoDescriptor = adapt.convertStorageSchemaToProto2Descriptor(described.tableSchema!, 'root');
    const name =
      streamType === managedwriter.DefaultStream
        ? `${table}/streams/_default`
        : await client.createWriteStream({ streamType: streamType as never, destinationTable: table });
    const connection = await client.createStreamConnection({ streamId: name });
    connection.onConnectionError(() => undefined);
    return { name, writer: new managedwriter.JSONWriter({ connection, protoDescriptor }), finalize: () => connection.finalize() };
  };
  const codeOf = async (pending: { getResult(): Promise<{ error?: { code?: number | null; message?: string | null } | null }> }) =>
    (await pending.getResult()).error?.code ?? 0;

  beforeAll(async () => {
    cloud = await startProcess();
    client = connect();
    await rest('POST', '/datasets', { datasetReference: { datasetId: 'd' } });
  });
  afterAll(async () => {
    client.close();
    await cloud.dispose();
  });

  test('every type arrives as it was sent, and rows are visible to the very next read', async () => {
    const table = await newTable();
    const { writer } = await open(table, managedwriter.CommittedStream);
    const result = await writer
      .appendRows(
        [
          {
            seq: 1,
            who: 'ä',
            at: new Date('2025-01-02T03:04:05.678Z'),
            day: 20000,
            amount: '-1.000000001',
            tags: ['a', ''],
            detail: { n: '9007199254740993', parts: [0.5, -1] },
            body: '{"b":1, "a":[1]}',
            raw: Buffer.from([0, 255]) as never,
            local: '2025-01-02 03:04:05',
            clock: '01:02:03.5',
            ok: true,
          },
          { seq: 2 },
        ],
        0,
      )
      .getResult();
    expect(result.appendResult?.offset?.value).toBe('0');
    expect(await rowsOf(table)).toEqual([
      [
        '1',
        'ä',
        '1735787045678000',
        '2024-10-04',
        '-1.000000001',
        [{ v: 'a' }, { v: '' }],
        { f: [{ v: '9007199254740993' }, { v: [{ v: '0.5' }, { v: '-1.0' }] }] },
        '{"a":[1],"b":1}',
        'AP8=',
        '2025-01-02T03:04:05',
        '01:02:03.500000',
        'true',
      ],
      ['2', null, null, null, null, [], null, null, null, null, null, null],
    ]);
  });

  test('1: an append takes effect only at the next offset; before it ALREADY_EXISTS, beyond it OUT_OF_RANGE', async () => {
    const table = await newTable();
    const { writer } = await open(table, managedwriter.CommittedStream);
    expect(await codeOf(writer.appendRows([{ seq: 0 }, { seq: 1 }], 0))).toBe(0);
    expect(await codeOf(writer.appendRows([{ seq: 0 }, { seq: 1 }], 0))).toBe(6);
    expect(await codeOf(writer.appendRows([{ seq: 3 }], 3))).toBe(11);
    expect(await codeOf(writer.appendRows([{ seq: 2 }], 2))).toBe(0);
    expect(await codeOf(writer.appendRows([{ seq: 3 }]))).toBe(0);
    expect(await seqs(table)).toEqual([0, 1, 2, 3]);
  });

  test('2: a finalized stream refuses every append, also of a connection that was open before, also after kill -9', async () => {
    const table = await newTable();
    const old = await open(table, managedwriter.CommittedStream);
    await old.writer.appendRows([{ seq: 0 }], 0).getResult();
    const other = await client.createStreamConnection({ streamId: old.name });
    expect(await other.finalize()).toMatchObject({ rowCount: '1' });
    expect(await codeOf(old.writer.appendRows([{ seq: 1 }], 1))).toBe(9);
    await cloud.kill();
    await cloud.start();
    client.close();
    client = connect();
    const again = await open(table, managedwriter.DefaultStream);
    await again.writer.appendRows([{ seq: 7 }]).getResult();
    const late = await client.createStreamConnection({ streamId: old.name });
    const writer = new managedwriter.JSONWriter({
      connection: late,
      protoDescriptor: adapt.convertStorageSchemaToProto2Descriptor(
        { fields: [{ name: 'seq', type: 'INT64', mode: 'REQUIRED' }] } as never,
        'root',
      ),
    });
    expect(await codeOf(writer.appendRows([{ seq: 1 }], 1))).toBe(9);
    expect(await seqs(table)).toEqual([0, 7]);
  });

  test('2: of two writers racing and one that fences both, exactly one order survives, 1 000 times', async () => {
    const table = await newTable();
    const protoDescriptor = adapt.convertStorageSchemaToProto2Descriptor(
      {
        fields: [
          { name: 'seq', type: 'INT64', mode: 'REQUIRED' },
          { name: 'who', type: 'STRING', mode: 'NULLABLE' },
        ],
      } as never,
      'root',
    );
    const race = async (round: number): Promise<string[]> => {
      const name = await client.createWriteStream({ streamType: managedwriter.CommittedStream as never, destinationTable: table });
      const connect = () => client.createStreamConnection({ streamId: name });
      const owner = async (who: string) => ({ who, connection: await connect() });
      // Whoever is connected first is heard first.
      const owners = [await owner(round % 2 === 0 ? 'a' : 'b'), await owner(round % 2 === 0 ? 'b' : 'a')];
      const fence = await connect();
      const writers = owners.map(({ who, connection }) => ({ who, writer: new managedwriter.JSONWriter({ connection, protoDescriptor }) }));
      const appends = writers.flatMap(({ who, writer }) =>
        [0, 1, 2].map(async (offset) => ({
          who,
          offset,
          code: await codeOf(writer.appendRows([{ seq: round * 10 + offset, who }], offset)),
        })),
      );
      if (round % 3 !== 0) await appends[round % 6];
      const counted = Number((await fence.finalize())!.rowCount);
      const answers = await Promise.all(appends);
      for (const { connection } of owners) connection.close();
      fence.close();
      const accepted = answers.filter(({ code }) => code === 0).sort((x, y) => x.offset - y.offset);
      // What the fence counted is what was accepted: every offset below it once, none beyond, each of the others told why.
      expect(accepted.map(({ offset }) => offset)).toEqual([0, 1, 2].slice(0, counted));
      for (const { code } of answers) expect([0, 6, 9, 11]).toContain(code);
      return accepted.map(({ who }) => who);
    };
    const survived: string[][] = [];
    for (let round = 0; round < 1000; round += 20) {
      survived.push(...(await Promise.all(Array.from({ length: 20 }, (_, i) => race(round + i)))));
    }
    const found: string[][] = survived.map(() => []);
    for (const [seq, who] of await rowsOf(table)) {
      const of = found[Math.floor(Number(seq) / 10)]!;
      expect(of).toHaveLength(Number(seq) % 10);
      of.push(String(who));
    }
    expect(found).toEqual(survived);
    const firsts = survived.map(([first]) => first);
    expect(firsts).toEqual(expect.arrayContaining(['a', 'b']));
    expect(survived.some((order) => order.length < 3)).toBe(true);
  }, 120_000);

  test('3: rows of pending streams become visible together when they are committed, and only once', async () => {
    const table = await newTable();
    const [a, b] = [await open(table, managedwriter.PendingStream), await open(table, managedwriter.PendingStream)];
    await a.writer.appendRows([{ seq: 1 }, { seq: 2 }], 0).getResult();
    await b.writer.appendRows([{ seq: 3 }], 0).getResult();
    const commit = () => client.batchCommitWriteStream({ parent: table, writeStreams: [a.name, b.name] });
    expect((await commit()).streamErrors?.[0]?.code).toBe('INVALID_STREAM_STATE');
    await a.finalize();
    await b.finalize();
    expect(await seqs(table)).toEqual([]);
    await cloud.kill();
    await cloud.start();
    client.close();
    client = connect();
    expect((await commit()).commitTime).toBeTruthy();
    expect((await seqs(table)).sort()).toEqual([1, 2, 3]);
    expect((await commit()).streamErrors?.[0]?.code).toBe('STREAM_ALREADY_COMMITTED');
    await cloud.kill();
    await cloud.start();
    client.close();
    client = connect();
    expect((await seqs(table)).sort()).toEqual([1, 2, 3]);
  });

  test('4: rows of a buffered stream become visible up to the flushed offset', async () => {
    const table = await newTable();
    const { name, writer } = await open(table, managedwriter.BufferedStream);
    await writer.appendRows([{ seq: 0 }, { seq: 1 }, { seq: 2 }], 0).getResult();
    expect(await seqs(table)).toEqual([]);
    const connection = await client.createStreamConnection({ streamId: name });
    await connection.flushRows({ offset: 1 });
    expect(await seqs(table)).toEqual([0, 1]);
    await connection.flushRows({ offset: 2 });
    expect(await seqs(table)).toEqual([0, 1, 2]);
  });

  test('5: the stream of a table that was dropped is gone, though a table of that name exists', async () => {
    const table = await newTable();
    const { writer } = await open(table, managedwriter.CommittedStream);
    await writer.appendRows([{ seq: 0 }], 0).getResult();
    const tableId = table.split('/').at(-1);
    await rest('DELETE', `/datasets/d/tables/${tableId}`);
    expect(await codeOf(writer.appendRows([{ seq: 1 }], 1))).toBe(5);
    await rest('POST', '/datasets/d/tables', { tableReference: { tableId }, schema: { fields } });
    expect(await codeOf(writer.appendRows([{ seq: 1 }], 1))).toBe(5);
    expect(await seqs(table)).toEqual([]);
  });

  test('a descriptor that does not fit the table is refused and the field is named; so is a row without a required value', async () => {
    const table = await newTable();
    const send = async (protoDescriptor: object, row: Record<string, unknown>) => {
      const connection = await client.createStreamConnection({ streamId: `${table}/streams/_default` });
      const writer = new managedwriter.JSONWriter({ connection, protoDescriptor: protoDescriptor as never });
      const { error, rowErrors } = await writer.appendRows([row] as never).getResult();
      connection.close();
      return { code: error?.code, text: `${error?.message} ${rowErrors?.map((e) => e.message).join()}` };
    };
    const seq = { name: 'seq', number: 1, type: 3, label: 1 };
    const extra = await send({ name: 'root', field: [seq, { name: 'colour', number: 2, type: 9, label: 1 }] }, { seq: 1, colour: 'red' });
    expect(extra).toEqual({ code: 3, text: expect.stringContaining("extra fields: 'colour'") });
    const wrong = await send({ name: 'root', field: [seq, { name: 'amount', number: 2, type: 8, label: 1 }] }, { seq: 1, amount: true });
    expect(wrong).toEqual({ code: 3, text: expect.stringContaining('root.amount') });
    const missing = await send({ name: 'root', field: [{ name: 'who', number: 1, type: 9, label: 1 }] }, { who: 'x' });
    expect(missing).toEqual({ code: 3, text: expect.stringContaining('seq') });
    const nothing = await send({ name: 'root', field: [seq] }, {});
    expect(nothing).toEqual({ code: 3, text: expect.stringContaining('Missing required field: seq') });
    expect(await seqs(table)).toEqual([]);
  });

  test('a writer hears of a new column with the answer to its next append', async () => {
    const table = await newTable();
    const { writer } = await open(table, managedwriter.DefaultStream);
    expect((await writer.appendRows([{ seq: 1 }]).getResult()).updatedSchema).toBeNull();
    await rest('PATCH', `/datasets/d/tables/${table.split('/').at(-1)}`, {
      schema: { fields: [...fields, { name: 'extra', type: 'STRING' }] },
    });
    const updated = (await writer.appendRows([{ seq: 2 }]).getResult()).updatedSchema;
    expect(updated?.fields?.at(-1)).toMatchObject({ name: 'extra', type: 'STRING' });
  });

  test('faults: refused before it took effect, late after it, lost after it; each is counted', async () => {
    const table = await newTable();
    const { name, writer } = await open(table, managedwriter.CommittedStream);
    const arm = (plans: object) => cloud.control('PUT', '/__control/faults', plans);
    await writer.appendRows([{ seq: 0 }], 0).getResult();
    await arm({ 'storage-write.unavailable': { times: 1 } });
    await expect(writer.appendRows([{ seq: 1 }], 1).getResult()).rejects.toThrow('The service is currently unavailable.');
    await arm({ 'storage-write.slow': { times: 1, delayMs: 50 } });
    expect(await codeOf(writer.appendRows([{ seq: 1 }], 1))).toBe(0);
    await arm({ 'storage-write.answer_lost': { times: 1 } });
    const lost = writer.appendRows([{ seq: 2 }], 2).getResult();
    await expect(Promise.race([lost, new Promise((resolve) => setTimeout(() => resolve('no answer'), 1000))])).resolves.toBe('no answer');
    lost.catch(() => undefined);
    expect(await seqs(table)).toEqual([0, 1, 2]);
    const again = await client.createStreamConnection({ streamId: name });
    const { rowCount } = (await again.finalize())!;
    expect(rowCount).toBe('3');
    const faults = (await cloud.control('GET', '/__control/faults')) as Record<string, { fired: number }>;
    expect(['unavailable', 'slow', 'answer_lost'].map((point) => faults[`storage-write.${point}`]!.fired)).toEqual([1, 1, 1]);
  });

  test('bytes that are no request end the connection, behind the answers to what was asked before', async () => {
    const client = new Client(cloud.addresses.storage, credentials.createInsecure());
    const refused = Buffer.from('\x0a\x01x', 'latin1');
    const nothing = Buffer.from('\x5a\x2f', 'latin1');
    for (let round = 0; round < 50; round++) {
      const call = client.makeBidiStreamRequest('/google.cloud.bigquery.storage.v1.BigQueryWrite/AppendRows', same, same);
      let answers = 0;
      call.on('data', () => answers++);
      const ended = new Promise<StatusObject>((resolve) => call.on('status', resolve));
      call.on('error', () => undefined);
      for (const bytes of [refused, nothing, refused]) call.write(bytes);
      call.end();
      const { code } = await ended;
      expect({ code, answers }).toEqual({ code: status.INVALID_ARGUMENT, answers: 1 });
    }
    client.close();
  });

  test('what was acknowledged survives kill -9 under load, once and in order', async () => {
    const table = await newTable();
    let name = (await open(table, managedwriter.CommittedStream)).name;
    const acknowledged: number[] = [];
    let next = 0;
    for (let round = 0; round < 10; round++) {
      const { writer } =
        round === 0
          ? { writer: new managedwriter.JSONWriter({ connection: await quiet(name), protoDescriptor: seqOnly() }) }
          : await resumed();
      let stopped = false;
      const load = (async () => {
        while (!stopped) {
          const mine = Array.from({ length: 20 }, () => next++);
          const results = await Promise.allSettled(mine.map((seq) => writer.appendRows([{ seq }] as never).getResult()));
          for (const [i, result] of results.entries())
            if (result.status === 'fulfilled' && !result.value.error) acknowledged.push(mine[i]!);
          if (results.some((result) => result.status === 'rejected')) return;
        }
      })();
      await new Promise((resolve) => setTimeout(resolve, 100 + round * 15));
      await cloud.kill();
      stopped = true;
      client.close();
      await Promise.race([load, new Promise((resolve) => setTimeout(resolve, 300))]);
      await cloud.start();
      client = connect();
    }
    const found = await seqs(table);
    const counts = new Map<number, number>();
    for (const seq of found) counts.set(seq, (counts.get(seq) ?? 0) + 1);
    expect(acknowledged.length).toBeGreaterThan(100);
    expect(acknowledged.filter((seq) => counts.get(seq) !== 1)).toEqual([]);
    expect([...counts.values()].every((count) => count === 1)).toBe(true);

    async function quiet(stream: string) {
      const connection = await client.createStreamConnection({ streamId: stream });
      connection.onConnectionError(() => undefined);
      return connection;
    }
    function seqOnly() {
      return adapt.convertStorageSchemaToProto2Descriptor({ fields: [{ name: 'seq', type: 'INT64', mode: 'REQUIRED' }] } as never, 'root');
    }
    async function resumed() {
      name = await client.createWriteStream({ streamType: managedwriter.CommittedStream as never, destinationTable: table });
      return { writer: new managedwriter.JSONWriter({ connection: await quiet(name), protoDescriptor: seqOnly() }) };
    }
  }, 120_000);
});
