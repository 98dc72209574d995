/** Conditional functions, errors, and what is known about the session. */
import { physicalType } from '../sql-type.ts';
import { type FunctionSpec, scalar } from './call.ts';
import type { Declared } from './signature.ts';

/** `$0` is the type's zero. */
const forZero = (name: string, emit: string): FunctionSpec =>
  scalar(
    name,
    ...(['INT64', 'FLOAT64', 'NUMERIC', 'BIGNUMERIC'] as const).map(
      (kind): Declared => [`${kind} -> ${kind}`, emit.replace('$0', `CAST(0 AS ${physicalType({ kind })})`)],
    ),
  );

export const conditionalFunctions: readonly FunctionSpec[] = [
  scalar('IF', ['BOOL, T, T -> T', 'CASE WHEN $1 THEN $2 ELSE $3 END']),
  scalar('IFNULL', ['T, T -> T', 'coalesce($1, $2)']),
  scalar('COALESCE', ['T, T... -> T', 'coalesce($*)']),
  scalar('NULLIF', ['T, T -> T', 'nullif($1, $2)']),
  forZero('NULLIFZERO', 'nullif($1, $0)'),
  forZero('ZEROIFNULL', 'coalesce($1, $0)'),
  scalar('ERROR', ['STRING -> INT64', 'CAST(gs_fail($1) AS BIGINT)']),
  // A list tells NULL from failure: TRY gives NULL only for the latter.
  { ...scalar('IFERROR', ['T, T -> T', 'coalesce(TRY([$1]), [$2])[1]']), catches: true },
  { ...scalar('ISERROR', ['T -> BOOL', '(TRY([$1]) IS NULL)']), catches: true },
  { ...scalar('NULLIFERROR', ['T -> T', 'TRY($1)']), catches: true },
  scalar('SESSION_USER', ['-> STRING', (_, call) => call.context('session_user')]),
  scalar('GENERATE_UUID', ['-> STRING', (_, call) => (call.volatile(), 'CAST(uuid() AS VARCHAR)')]),
  scalar('GROUPING', ['ANY -> INT64', '$1']),
];
