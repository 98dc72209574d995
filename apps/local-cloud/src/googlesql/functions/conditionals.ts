/** Conditional functions, errors, and what is known about the session. */
import { type FunctionSpec, scalar } from './call.ts';

export const conditionalFunctions: readonly FunctionSpec[] = [
  scalar('IF', ['BOOL, T, T -> T', 'CASE WHEN $1 THEN $2 ELSE $3 END']),
  scalar('IFNULL', ['T, T -> T', 'coalesce($1, $2)']),
  scalar('COALESCE', ['T, T... -> T', 'coalesce($*)']),
  scalar('NULLIF', ['T, T -> T', 'nullif($1, $2)']),
  scalar('ERROR', ['STRING -> INT64', 'CAST(gs_fail($1) AS BIGINT)']),
  // A list tells NULL from failure: TRY gives NULL only for the latter.
  scalar('IFERROR', ['T, T -> T', 'coalesce(TRY([$1]), [$2])[1]']),
  scalar('ISERROR', ['T -> BOOL', '(TRY([$1]) IS NULL)']),
  scalar('NULLIFERROR', ['T -> T', 'TRY($1)']),
  scalar('SESSION_USER', ['-> STRING', (_, call) => call.context('session_user')]),
  scalar('GENERATE_UUID', ['-> STRING', (_, call) => (call.volatile(), 'CAST(uuid() AS VARCHAR)')]),
  scalar('GROUPING', ['ANY -> INT64', '$1']),
];
