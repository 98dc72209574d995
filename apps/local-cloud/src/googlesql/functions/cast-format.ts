/** CAST ... FORMAT '...': the first argument is the value, the second the target type's name, the third the format. */
import { type Call, type FunctionSpec, scalar } from './call.ts';

const parse = ([v, , f, z]: readonly string[], call: Call): string => {
  const target = call.args[1]!.literal as string;
  const into: Readonly<Record<string, string>> = {
    DATE: `gs_cast_parse_date(${v}, ${f})`,
    TIME: `gs_cast_parse_time(${v}, ${f})`,
    DATETIME: `gs_cast_parse_datetime(${v}, ${f})`,
    TIMESTAMP: `gs_cast_parse_timestamp(${v}, ${f}, ${z ?? "'UTC'"})`,
    BYTES: `gs_cast_bytes(${v}, ${f})`,
  };
  const { literal } = call.args[2]!;
  // What is missing is taken from the present.
  if (typeof literal !== 'string' || !/Y|R/i.test(literal) || !/MM|MON/i.test(literal)) call.volatile();
  const sql = into[target];
  if (!sql) throw call.fault(`FORMAT is not supported for casting STRING to ${target}`);
  return sql;
};
const kind = (args: readonly { literal?: unknown }[]) => ({ kind: args[1]!.literal as 'DATE' });
const toText =
  (native: string) =>
  (sql: readonly string[], call: Call): string => {
    if (call.args[1]!.literal !== 'STRING') throw call.fault(`FORMAT is not supported for casting to ${call.args[1]!.literal}`);
    return native
      .replaceAll('$1', () => sql[0]!)
      .replaceAll('$3', () => sql[2]!)
      .replaceAll('$4', () => sql[3] ?? "'UTC'");
  };

export const castFormatFunctions: readonly FunctionSpec[] = [
  scalar(
    'CAST FORMAT',
    ['STRING, STRING, STRING[, STRING] -> STRING', parse, kind],
    ['DATE, STRING, STRING -> STRING', toText("gs_cast_format_datetime(CAST($1 AS TIMESTAMP), $3, 'date')")],
    ['DATETIME, STRING, STRING -> STRING', toText("gs_cast_format_datetime($1, $3, 'datetime')")],
    ['TIMESTAMP, STRING, STRING[, STRING] -> STRING', toText('gs_cast_format_timestamp($1, $3, $4)')],
    ['TIME, STRING, STRING -> STRING', toText("gs_cast_format_datetime(DATE '1970-01-01' + $1, $3, 'time')")],
    ['BYTES, STRING, STRING -> STRING', toText('gs_cast_bytes_text($1, $3)')],
    ['INT64, STRING, STRING -> STRING', toText('gs_cast_number(CAST($1 AS VARCHAR), $3)')],
    ['NUMERIC, STRING, STRING -> STRING', toText('gs_cast_number(gs_numeric_text($1), $3)')],
    ['FLOAT64, STRING, STRING -> STRING', toText('gs_cast_float($1, $3)')],
  ),
];
