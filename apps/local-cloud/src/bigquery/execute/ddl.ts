/** CREATE, ALTER, DROP: from the compiler's description to changes of the catalog. Checks the caller's rights itself, object by object. */

import type { Ddl, TablePath } from '../../googlesql/contract.ts';
import { demand } from '../catalog/access.ts';
import type { RowPolicy } from '../catalog/catalog.ts';
import { ApiError, invalid } from '../errors.ts';
import { altered } from './altered-table.ts';
import { createTable } from './create-table.ts';
import { datasetOptions, withOptions, withoutNulls } from './ddl-options.ts';
import { duck } from './errors.ts';
import type { DdlEffect, DdlOutcome } from './outcome.ts';
import type { Runner } from './runner.ts';
import type { Looked } from './scoped-catalog.ts';
import type { Session } from './session.ts';
import { dropTemporary } from './temporary-tables.ts';

const nameOf = (path: TablePath) => `${path.project}:${path.dataset}.${path.table}`;
const permanent = 'is not supported in a transaction.';

export async function runDdl(statements: Runner, ddl: Ddl, session: Session, looked: Looked): Promise<DdlOutcome> {
  const effect = await execute(statements, ddl, session, looked);
  const { ddl: done } = effect;
  statements.service.control.stats.count(
    {
      product: 'bigquery',
      caller: session.caller.subject,
      ...(done?.table ? { resource: `${done.table.dataset}.${done.table.table}` } : {}),
    },
    { ddl: 1 },
  );
  return effect;
}

async function execute(statements: Runner, ddl: Ddl, session: Session, looked: Looked): Promise<DdlOutcome> {
  const { service } = statements;
  const { metadata, store } = service;
  const { catalog } = store;
  const { caller } = session;
  if (session.transaction && !(ddl.op === 'createTable' && ddl.temporary)) {
    throw new ApiError('invalidQuery', `DDL statement on a permanent object ${permanent}`, 'query');
  }
  switch (ddl.op) {
    case 'createSchema': {
      const { project, dataset } = ddl;
      const existed = catalog.dataset(project, dataset) !== undefined;
      await metadata.createDataset(
        {
          project,
          dataset,
          location: typeof ddl.options.location === 'string' ? ddl.options.location : service.location,
          access: [
            { role: 'OWNER', userByEmail: caller.subject },
            { role: 'OWNER', specialGroup: 'projectOwners' },
          ],
          ...datasetOptions(ddl.options),
        },
        ddl.ifNotExists,
      );
      return { statementType: 'CREATE_SCHEMA', ddl: { operation: existed ? 'SKIP' : 'CREATE', dataset: { project, dataset } } };
    }
    case 'alterSchema': {
      const { project, dataset } = ddl;
      if (ddl.ifExists && !catalog.dataset(project, dataset)) return { statementType: 'ALTER_SCHEMA', ddl: { operation: 'SKIP' } };
      metadata.dataset(project, dataset);
      demand(catalog, caller, 'own', { project, dataset });
      service.rates.datasetUpdate(`${project}.${dataset}`);
      await metadata.updateDataset(project, dataset, (record) => withoutNulls({ ...record, ...datasetOptions(ddl.options) }));
      return { statementType: 'ALTER_SCHEMA', ddl: { operation: 'ALTER', dataset: { project, dataset } } };
    }
    case 'dropSchema': {
      const { project, dataset } = ddl;
      if (ddl.ifExists && !catalog.dataset(project, dataset)) return { statementType: 'DROP_SCHEMA', ddl: { operation: 'SKIP' } };
      metadata.dataset(project, dataset);
      demand(catalog, caller, 'own', { project, dataset });
      await metadata.dropDataset(project, dataset, { cascade: ddl.cascade });
      return { statementType: 'DROP_SCHEMA', ddl: { operation: 'DROP', dataset: { project, dataset } } };
    }
    case 'createTable':
      return createTable(statements, ddl, session, looked);
    case 'createView': {
      const { path } = ddl;
      const existed = metadata.find(path);
      metadata.dataset(path.project, path.dataset);
      demand(catalog, caller, 'write', { project: path.project, dataset: path.dataset });
      const { created } = await metadata.createTable(
        withOptions({ path, kind: 'VIEW', columns: ddl.columns, viewSql: ddl.sql }, ddl.options),
        { orReplace: ddl.orReplace, ifNotExists: ddl.ifNotExists },
      );
      return { statementType: 'CREATE_VIEW', ddl: { operation: created ? (existed ? 'REPLACE' : 'CREATE') : 'SKIP', table: path } };
    }
    case 'dropTable':
    case 'dropView': {
      const statementType = ddl.op === 'dropTable' ? 'DROP_TABLE' : 'DROP_VIEW';
      const temporary = session.tempTables.get(ddl.path.table);
      if (temporary && ddl.op === 'dropTable') {
        await dropTemporary(store, session, temporary);
        return { statementType, ddl: { operation: 'DROP', table: ddl.path } };
      }
      if (ddl.ifExists && !metadata.find(ddl.path)) return { statementType, ddl: { operation: 'SKIP', table: ddl.path } };
      metadata.table(ddl.path);
      demand(catalog, caller, 'write', ddl.path);
      await metadata.dropTable(ddl.path, { kind: ddl.op === 'dropTable' ? 'TABLE' : 'VIEW', ifExists: ddl.ifExists });
      return { statementType, ddl: { operation: 'DROP', table: ddl.path } };
    }
    case 'alterView': {
      if (ddl.ifExists && !metadata.find(ddl.path)) return { statementType: 'ALTER_VIEW', ddl: { operation: 'SKIP', table: ddl.path } };
      metadata.table(ddl.path);
      demand(catalog, caller, 'write', ddl.path);
      await metadata.updateTable(ddl.path, (record) => withOptions(record, ddl.options));
      return { statementType: 'ALTER_VIEW', ddl: { operation: 'ALTER', table: ddl.path } };
    }
    case 'alterTable': {
      if (ddl.ifExists && !metadata.find(ddl.path)) return { statementType: 'ALTER_TABLE', ddl: { operation: 'SKIP', table: ddl.path } };
      metadata.table(ddl.path);
      demand(catalog, caller, 'write', ddl.path);
      service.rates.tableUpdate(nameOf(ddl.path));
      const rename = ddl.actions.find((action) => action.action === 'renameTo');
      if (rename?.action === 'renameTo') await metadata.renameTable(ddl.path, rename.table);
      else await duck(() => metadata.reshapeTable(ddl.path, (record) => altered(record, ddl.actions)));
      return { statementType: 'ALTER_TABLE', ddl: { operation: 'ALTER', table: ddl.path } };
    }
    case 'createFunction': {
      const { routine } = ddl;
      const now = Date.now();
      if (ddl.temporary) {
        session.tempRoutines.set(routine.path.routine.toLowerCase(), { routine, created: now, modified: now });
        session.temporaryVersion++;
        return { statementType: 'CREATE_FUNCTION', ddl: { operation: 'CREATE', routine: routine.path } };
      }
      const existed = catalog.routine(routine.path.project, routine.path.dataset, routine.path.routine) !== undefined;
      metadata.dataset(routine.path.project, routine.path.dataset);
      demand(catalog, caller, 'write', { project: routine.path.project, dataset: routine.path.dataset });
      await metadata.putRoutine({ routine, created: now, modified: now }, ddl);
      return {
        statementType: 'CREATE_FUNCTION',
        ddl: { operation: existed ? (ddl.orReplace ? 'REPLACE' : 'SKIP') : 'CREATE', routine: routine.path },
      };
    }
    case 'dropFunction': {
      const { project, dataset, routine, ifExists } = ddl;
      if (session.tempRoutines.delete(routine.toLowerCase())) {
        session.temporaryVersion++;
        return { statementType: 'DROP_FUNCTION', ddl: { operation: 'DROP' } };
      }
      demand(catalog, caller, 'write', { project, dataset });
      await metadata.dropRoutine(project, dataset, routine, ifExists);
      return { statementType: 'DROP_FUNCTION', ddl: { operation: 'DROP', routine: { project, dataset, routine } } };
    }
    case 'createRowAccessPolicy': {
      const { path, name } = ddl;
      metadata.table(path);
      demand(catalog, caller, 'own', path);
      let operation: DdlEffect['operation'] = 'CREATE';
      await metadata.updateTable(path, (record) => {
        const others = (record.policies ?? []).filter((policy) => policy.name.toLowerCase() !== name.toLowerCase());
        const existed = others.length < (record.policies?.length ?? 0);
        if (existed && ddl.ifNotExists) {
          operation = 'SKIP';
          return record;
        }
        if (existed && !ddl.orReplace)
          throw new ApiError('duplicate', `Already Exists: Row access policy ${name} on table ${nameOf(path)}`);
        if (others.length >= 400) throw invalid(`Table ${nameOf(path)} has too many row access policies: at most 400.`);
        if (existed) operation = 'REPLACE';
        const policy: RowPolicy = { name, grantees: ddl.grantees, filter: ddl.filter, created: Date.now() };
        return { ...record, policies: [...others, policy] };
      });
      return { statementType: 'CREATE_ROW_ACCESS_POLICY', ddl: { operation, table: path } };
    }
    case 'dropRowAccessPolicy': {
      const { path, name } = ddl;
      metadata.table(path);
      demand(catalog, caller, 'own', path);
      await metadata.updateTable(path, (record) => {
        if (name === 'ALL') return { ...record, policies: [] };
        const kept = (record.policies ?? []).filter((policy) => policy.name.toLowerCase() !== name.toLowerCase());
        if (kept.length === (record.policies?.length ?? 0)) {
          if (ddl.ifExists) return record;
          throw new ApiError('notFound', `Not found: Row access policy ${name} on table ${nameOf(path)}`);
        }
        if (kept.length === 0)
          throw invalid(`Cannot drop the last row access policy of table ${nameOf(path)}; use DROP ALL ROW ACCESS POLICIES.`);
        return { ...record, policies: kept };
      });
      return {
        statementType: name === 'ALL' ? 'DROP_ALL_ROW_ACCESS_POLICIES' : 'DROP_ROW_ACCESS_POLICY',
        ddl: { operation: 'DROP', table: path },
      };
    }
    default:
      throw new Error(`no such DDL: ${(ddl satisfies never as { op: string }).op}`);
  }
}
