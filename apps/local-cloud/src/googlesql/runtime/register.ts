/** Registers the functions written in TypeScript. They belong to the database: one connection is enough, a second time is harmless. */
import type { DuckDBConnection } from '@duckdb/node-api';
import { castFormatNatives } from './cast-format.ts';
import { castNumberNatives } from './cast-number.ts';
import { type NativeFunction, toDuckDb } from './define.ts';
import { formatFunctions } from './format.ts';
import { formatTimeFunctions } from './format-time.ts';
import { jsonFunctions } from './json.ts';
import { numberFunctions } from './numbers.ts';
import { parseTimeFunctions } from './parse-time.ts';
import { stringFunctions } from './strings.ts';
import { timeFunctions } from './times.ts';

export const nativeFunctions: readonly NativeFunction[] = [
  ...castFormatNatives,
  ...castNumberNatives,
  ...formatFunctions,
  ...formatTimeFunctions,
  ...jsonFunctions,
  ...numberFunctions,
  ...parseTimeFunctions,
  ...stringFunctions,
  ...timeFunctions,
];

export function registerFunctions(connection: DuckDBConnection): void {
  for (const f of nativeFunctions) {
    const definition = toDuckDb(f);
    connection.registerScalarFunction(definition);
    definition.destroySync();
  }
}
