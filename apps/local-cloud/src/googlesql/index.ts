/** The SQL side of the emulated BigQuery; ./contract.ts says what each of these promises. */
export { compile, compileExpression } from './compile.ts';
export * from './contract.ts';
export { translateDuckError } from './errors.ts';
export { prelude } from './runtime/prelude.ts';
export { registerFunctions } from './runtime/register.ts';
export { parseScript } from './script.ts';
export { formatType, parseType, physicalType } from './sql-type.ts';
