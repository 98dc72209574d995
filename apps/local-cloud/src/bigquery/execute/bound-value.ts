/** What stands for a parameter, a variable or the context of a statement when it runs. */
import { DuckDBTimestampTZValue, TIMESTAMPTZ, VARCHAR } from '@duckdb/node-api';
import type { Bind } from '../../googlesql/contract.ts';
import { ApiError } from '../errors.ts';
import type { BoundValue } from '../storage/connection.ts';
import { duckType } from '../values/physical.ts';
import type { Session } from './session.ts';

export function boundValue(bind: Bind, session: Session): BoundValue {
  if (bind.from === 'context') {
    if (bind.name === 'now')
      return { value: new DuckDBTimestampTZValue(session.transaction?.now ?? BigInt(Date.now()) * 1000n), type: TIMESTAMPTZ };
    return { value: bind.name === 'project' ? session.project : session.caller.subject, type: VARCHAR };
  }
  if (bind.from === 'variable') {
    const variable = session.variables.get(bind.name.toLowerCase());
    if (!variable) throw new Error(`variable ${bind.name} is not in scope`);
    return { value: variable.value, type: duckType(bind.type) };
  }
  const parameter =
    bind.index !== undefined && bind.name === undefined
      ? session.parameters[bind.index]
      : session.parameters.find((candidate) => candidate.name?.toLowerCase() === bind.name?.toLowerCase());
  if (!parameter)
    throw new ApiError(
      'invalidQuery',
      bind.name === undefined ? 'Query parameter number is not defined' : `Query parameter '${bind.name}' not found`,
      'query',
    );
  return { value: parameter.value, type: duckType(bind.type) };
}
