/** What the actions of an ALTER TABLE make of a table's record, and what DuckDB has to run for it. Pure. */
import type { AlterAction, Column } from '../../googlesql/contract.ts';
import { quote } from '../../googlesql/sql-type.ts';
import type { TableRecord } from '../catalog/catalog.ts';
import { physicalName } from '../catalog/parts.ts';
import { reshapeSql } from '../catalog/reshape.ts';
import { storedColumn } from '../catalog/stored-column.ts';
import { invalid } from '../errors.ts';
import { withOptions } from './ddl-options.ts';

export function altered(record: TableRecord, actions: readonly AlterAction[]): { record: TableRecord; sql: readonly string[] } {
  let next = record;
  const sql: string[] = [];
  const find = (name: string) => {
    const column = next.columns.find((candidate) => candidate.name.toLowerCase() === name.toLowerCase());
    if (!column) throw invalid(`Column not found: ${name}`);
    return column;
  };
  const replace = (old: Column, column: Column) => {
    next = { ...next, columns: next.columns.map((candidate) => (candidate === old ? column : candidate)) };
  };
  const reshape = (columns: readonly Column[]) => {
    sql.push(...reshapeSql(next, columns));
    next = { ...next, columns };
  };
  for (const action of actions) {
    switch (action.action) {
      case 'addColumn': {
        const exists = next.columns.some((column) => column.name.toLowerCase() === action.column.name.toLowerCase());
        if (exists && action.ifNotExists) break;
        if (exists) throw invalid(`Column already exists: ${action.column.name}`);
        if (action.column.required) throw invalid(`Cannot add required fields to an existing schema. (field: ${action.column.name})`);
        reshape([...next.columns, storedColumn(action.column)]);
        break;
      }
      case 'dropColumn': {
        if (action.ifExists && !next.columns.some((column) => column.name.toLowerCase() === action.name.toLowerCase())) break;
        const column = find(action.name);
        const used =
          next.partitioning?.column.toLowerCase() === action.name.toLowerCase() ||
          next.clustering?.some((name) => name.toLowerCase() === action.name.toLowerCase());
        if (used) throw invalid(`Column ${action.name} is used by partitioning or clustering and cannot be dropped.`);
        if (next.columns.length === 1) throw invalid('The last column of a table cannot be dropped.');
        reshape(next.columns.filter((candidate) => candidate !== column));
        break;
      }
      case 'renameColumn': {
        if (action.ifExists && !next.columns.some((column) => column.name.toLowerCase() === action.from.toLowerCase())) break;
        const column = find(action.from);
        if (next.partitioning?.column.toLowerCase() === action.from.toLowerCase())
          throw invalid(`Column ${action.from} is used by partitioning and cannot be renamed.`);
        if (next.columns.some((other) => other !== column && other.name.toLowerCase() === action.to.toLowerCase()))
          throw invalid(`Column already exists: ${action.to}`);
        sql.push(`ALTER TABLE ${physicalName(record.id)} RENAME COLUMN ${quote(column.name)} TO ${quote(action.to)}`);
        replace(column, { ...column, name: action.to });
        break;
      }
      case 'setDataType': {
        const column = find(action.name);
        const { maxLength: _m, precision: _p, scale: _s, ...plain } = column;
        const typed = { ...plain, type: action.type, ...action.limits };
        reshape(next.columns.map((candidate) => (candidate === column ? typed : candidate)));
        break;
      }
      case 'dropNotNull': {
        const column = find(action.name);
        const { required: _, ...relaxed } = column;
        reshape(next.columns.map((candidate) => (candidate === column ? relaxed : candidate)));
        break;
      }
      case 'setColumnOptions': {
        const column = find(action.name);
        const { description } = action.options;
        const { description: _, ...plain } = column;
        replace(
          column,
          description === null ? plain : description === undefined ? column : { ...column, description: String(description) },
        );
        break;
      }
      case 'setDefault': {
        const column = find(action.name);
        const { defaultSql: _, ...plain } = column;
        replace(column, action.sql === undefined ? plain : { ...column, defaultSql: action.sql });
        break;
      }
      case 'setOptions':
        next = withOptions(next, action.options);
        break;
      case 'renameTo':
        break;
      default:
        throw new Error(`no such action: ${(action satisfies never as { action: string }).action}`);
    }
  }
  return { record: next, sql };
}
