/** Query jobs: from the API's query configuration to a finished job, single statement or script. */

import type { Column, ScriptNode, TablePath } from '../../googlesql/contract.ts';
import { quote } from '../../googlesql/sql-type.ts';
import type { Caller } from '../../identity/index.ts';
import { storedColumn } from '../catalog/stored-column.ts';
import { ApiError, invalid, required } from '../errors.ts';
import type { Job } from '../jobs/jobs.ts';
import { noRows } from '../jobs/results.ts';
import type { Json } from '../rest/http.ts';
import { partitioningFrom } from '../rest/table-resource.ts';
import type { Service } from '../service.ts';
import { type Parameter, parametersFrom } from '../values/parameters.ts';
import type { DmlCounts, StatementResult } from './outcome.ts';
import { parsed, Script } from './script.ts';
import { ScriptChildren } from './script-children.ts';
import { Session } from './session.ts';
import { Statements } from './statements.ts';
import { dropAllTemporary } from './temporary-tables.ts';
import { type Destination, writeTable } from './write-table.ts';

const MAX_TEXT = 1024 * 1024;
const PARSED = 1000;

export interface QuerySpec {
  readonly sql: string;
  readonly nodes: readonly ScriptNode[];
  readonly parameters: readonly Parameter[];
  readonly positional: boolean;
  readonly defaultDataset: { project: string; dataset: string } | undefined;
  readonly destination: Destination | undefined;
  readonly maximumBytesBilled: number | undefined;
  readonly useCache: boolean;
}

export class Queries {
  readonly #service: Service;
  readonly statements: Statements;
  readonly #parsed = new Map<string, readonly ScriptNode[]>();
  constructor(service: Service) {
    this.#service = service;
    this.statements = new Statements(service);
  }

  /** Checks everything about the request that can be told without running it. */
  spec(query: Json, project: string): QuerySpec {
    const sql = query.query;
    if (typeof sql !== 'string' || sql.trim() === '') throw required('query');
    if (sql.length > MAX_TEXT)
      throw new ApiError(
        'invalid',
        `The query is too large. The maximum query length is ${MAX_TEXT} characters, including comments and white space characters.`,
      );
    if (query.useLegacySql === true && !/^\s*#standardSQL/i.test(sql)) {
      throw new ApiError('invalidQuery', 'Legacy SQL is not supported: set useLegacySql to false.', 'query');
    }
    for (const name of ['tableDefinitions', 'userDefinedFunctionResources']) {
      const value = query[name];
      if (value && Object.keys(value).length > 0) throw invalid(`${name} is not supported.`);
    }
    if (query.createSession || query.connectionProperties?.some((p: Json) => p?.key === 'session_id'))
      throw invalid('Sessions are not supported: use one script.');
    const dataset = query.defaultDataset;
    const limit = query.maximumBytesBilled;
    return {
      sql,
      nodes: this.#parse(sql),
      ...parametersFrom(query.parameterMode, query.queryParameters),
      defaultDataset: dataset?.datasetId
        ? { project: String(dataset.projectId ?? project), dataset: String(dataset.datasetId) }
        : undefined,
      destination: destinationOf(query, project),
      maximumBytesBilled: limit === undefined || limit === null || limit === '' ? undefined : Number(limit),
      useCache: query.useQueryCache !== false,
    };
  }

  #parse(sql: string): readonly ScriptNode[] {
    let nodes = this.#parsed.get(sql);
    if (!nodes) {
      nodes = parsed(sql);
      if (sql.length < 20_000) this.#parsed.set(sql, nodes);
      if (this.#parsed.size > PARSED) this.#parsed.delete(this.#parsed.keys().next().value!);
    }
    return nodes;
  }

  /** The columns of a view's query. */
  async columnsOf(
    sql: string,
    context: { project: string; caller: Caller; defaultDataset?: { project: string; dataset: string } },
  ): Promise<readonly Column[]> {
    const session = new Session({ ...context, parameters: [], positional: false, aborted: new AbortController().signal });
    const { compiled } = this.statements.permitted(sql, session);
    if (compiled.kind !== 'query') throw invalid('The query of a view must be a SELECT.');
    return compiled.columns.map(storedColumn);
  }

  #session(spec: QuerySpec, job: Job): Session {
    return new Session({
      caller: job.caller,
      project: job.project,
      defaultDataset: spec.defaultDataset,
      parameters: spec.parameters,
      positional: spec.positional,
      aborted: job.abort.signal,
    });
  }

  /** What it would cost and answer. */
  async dryRun(spec: QuerySpec, job: Job): Promise<void> {
    const only = single(spec.nodes);
    if (!only) {
      job.statementType = 'SCRIPT';
      job.outcome = { statementType: 'SCRIPT', bytesProcessed: 0, bytesBilled: 0, cacheHit: false, referenced: [] };
      return;
    }
    const { compiled, looked, bytes } = await this.statements.prepare(only.text, this.#session(spec, job));
    const type =
      compiled.kind === 'query'
        ? 'SELECT'
        : compiled.kind === 'ddl'
          ? compiled.ddl.op.replace(/([A-Z])/g, '_$1').toUpperCase()
          : compiled.kind === 'truncate'
            ? 'TRUNCATE_TABLE'
            : compiled.kind.toUpperCase();
    job.outcome = {
      statementType: type,
      bytesProcessed: bytes,
      bytesBilled: 0,
      cacheHit: false,
      referenced: [...looked.tables].map((table) => table.path),
      ...(compiled.kind === 'query' ? { result: noRows(compiled.columns) } : {}),
    };
  }

  async run(spec: QuerySpec, job: Job): Promise<void> {
    const only = single(spec.nodes);
    const session = this.#session(spec, job);
    if (only) {
      try {
        job.outcome = await this.#runOne(only.text, spec, session, job);
        this.#count(job.caller, job.outcome);
      } finally {
        await dropAllTemporary(this.#service.store, session);
      }
      return;
    }
    job.statementType = 'SCRIPT';
    let bytes = 0;
    let billed = 0;
    const children = new ScriptChildren(this.#service.jobs, job);
    const script = new Script(this.statements, session, {
      ran: (statement, result, error) => {
        bytes += result?.bytesProcessed ?? 0;
        billed += result?.bytesBilled ?? 0;
        if (result) this.#count(job.caller, result);
        children.add(statement, result, error);
      },
    });
    const last = await script.run(spec.nodes);
    job.outcome = {
      ...(last ?? { referenced: [], cacheHit: false }),
      statementType: 'SCRIPT',
      cacheHit: false,
      bytesProcessed: bytes,
      bytesBilled: billed,
    };
  }

  #runOne(text: string, spec: QuerySpec, session: Session, job: Job): Promise<StatementResult> {
    const { destination } = spec;
    const keep = job.named || job.requestId !== undefined;
    return this.statements.run(text, session, {
      useCache: spec.useCache,
      ...(spec.maximumBytesBilled === undefined ? {} : { maximumBytesBilled: spec.maximumBytesBilled }),
      beforeCommit: async (connection, counts: DmlCounts) => {
        if (!keep) return;
        const outcome: StatementResult = {
          statementType: kindOf(text),
          dml: counts,
          bytesProcessed: 0,
          bytesBilled: 0,
          cacheHit: false,
          referenced: [],
        };
        await this.#service.jobs.store(connection, Object.assign(Object.create(null), job, { outcome }));
        job.stored = true;
      },
      ...(destination
        ? {
            into: async (query, insert) => {
              const columns = query.columns.map(storedColumn);
              const names = columns.map((column) => quote(column.name)).join(', ');
              const record = await writeTable(this.#service, session.caller, destination, columns, async (connection, physical) => {
                await insert(connection, `${physical} (${names})`);
              });
              return this.#tableResult(record.path, query.columns);
            },
          }
        : {}),
    });
  }

  /** The rows of a destination table stand for the result. */
  async #tableResult(path: TablePath, columns: readonly Column[]) {
    const session = new Session({
      caller: { subject: '', owner: true },
      project: path.project,
      defaultDataset: undefined,
      parameters: [],
      positional: false,
      aborted: new AbortController().signal,
    });
    const { result } = await this.statements.run(`SELECT * FROM \`${path.project}\`.\`${path.dataset}\`.\`${path.table}\``, session);
    return result ?? noRows(columns);
  }

  #count(caller: Caller, result: StatementResult): void {
    const { stats } = this.#service.control;
    const resource = result.target ?? result.referenced[0];
    const rows = result.dml ? result.dml.inserted + result.dml.updated + result.dml.deleted : (result.result?.total ?? 0);
    stats.count(
      { product: 'bigquery', caller: caller.subject, ...(resource ? { resource: `${resource.dataset}.${resource.table}` } : {}) },
      {
        statements: 1,
        [result.statementType.toLowerCase()]: 1,
        rows,
        bytesBilled: result.bytesBilled,
        bytesProcessed: result.bytesProcessed,
      },
    );
  }
}

const kindOf = (text: string) => (/^\s*(?:--[^\n]*\n|\/\*[\s\S]*?\*\/|\s)*(\w+)/.exec(text)?.[1] ?? 'QUERY').toUpperCase();

function single(nodes: readonly ScriptNode[]): Extract<ScriptNode, { node: 'statement' }> | undefined {
  return nodes.length === 1 && nodes[0]!.node === 'statement' ? nodes[0] : undefined;
}

export function tablePathOf(reference: Json, project: string, what: string): TablePath {
  const { datasetId, tableId, projectId } = reference ?? {};
  if (typeof datasetId !== 'string' || typeof tableId !== 'string') throw required(what);
  return { project: String(projectId ?? project), dataset: datasetId, table: tableId };
}

const writes = ['WRITE_EMPTY', 'WRITE_APPEND', 'WRITE_TRUNCATE', 'WRITE_TRUNCATE_DATA'];

export function destinationOf(config: Json, project: string, fallbackWrite = 'WRITE_EMPTY'): Destination | undefined {
  if (!config.destinationTable) return undefined;
  const path = tablePathOf(config.destinationTable, project, 'destinationTable.tableId');
  const write = String(config.writeDisposition ?? fallbackWrite);
  if (!writes.includes(write)) throw invalid(`Invalid value for writeDisposition: ${write} is not a valid value`);
  const create = String(config.createDisposition ?? 'CREATE_IF_NEEDED');
  if (create !== 'CREATE_IF_NEEDED' && create !== 'CREATE_NEVER')
    throw invalid(`Invalid value for createDisposition: ${create} is not a valid value`);
  const columns = config.timePartitioning?.field || config.rangePartitioning?.field ? undefined : [];
  return {
    path,
    write,
    create,
    schemaUpdate: config.schemaUpdateOptions ?? [],
    settings: {
      ...(columns ? partitioningFrom(config, columns) : { partitioning: fieldPartitioning(config) }),
      ...(config.clustering?.fields ? { clustering: config.clustering.fields } : {}),
    },
  };
}

function fieldPartitioning(config: Json): NonNullable<NonNullable<Destination['settings']>['partitioning']> {
  if (config.rangePartitioning) {
    const { field, range } = config.rangePartitioning;
    return {
      column: field,
      granularity: 'RANGE',
      range: { start: BigInt(range.start), end: BigInt(range.end), interval: BigInt(range.interval) },
    };
  }
  return { column: config.timePartitioning.field, granularity: config.timePartitioning.type ?? 'DAY' };
}
