/**
 * The SQL side as this folder uses it. While ../../googlesql has no entrance yet, everything but SQL works and a query
 * says so.
 */
import type { CompileContext, Compiled, CompiledQuery, ScriptNode } from '../../googlesql/contract.ts';
import { GoogleSqlError } from '../../googlesql/contract.ts';
import { formatType } from '../../googlesql/sql-type.ts';

interface Compiler {
  parseScript(sql: string): readonly ScriptNode[];
  compile(sql: string, context: CompileContext): Compiled;
  compileExpression(sql: string, context: CompileContext): CompiledQuery;
  translateDuckError(error: Error): GoogleSqlError | undefined;
  readonly prelude: readonly string[];
  registerFunctions(connection: unknown): void;
}
const absent = (): never => {
  throw new GoogleSqlError('unsupported', 'GoogleSQL is not available in this build');
};
const entrance = '../../googlesql/index.ts';
const compiler: Compiler = await import(entrance).catch((error: NodeJS.ErrnoException): Compiler => {
  if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
  return {
    parseScript: absent,
    compile: absent,
    compileExpression: absent,
    translateDuckError: () => undefined,
    prelude: [],
    registerFunctions: () => undefined,
  };
});

export const { parseScript, compile, compileExpression, translateDuckError, prelude, registerFunctions } = compiler;
export { formatType };
