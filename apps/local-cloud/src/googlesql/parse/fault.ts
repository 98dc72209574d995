/** Thrown inside parsing and analysis with an offset into the statement; ../index.ts turns it into a GoogleSqlError with line and column. */
import type { GoogleSqlError, Position } from '../contract.ts';

export class SyntaxFault extends Error {
  readonly offset: number | undefined;
  readonly reason: GoogleSqlError['reason'];
  constructor(message: string, offset?: number, reason: GoogleSqlError['reason'] = 'invalidQuery') {
    super(message);
    this.offset = offset;
    this.reason = reason;
  }
}

export function positionOf(text: string, offset: number, base?: Position): Position {
  let line = 1;
  let start = 0;
  for (let i = text.indexOf('\n'); i >= 0 && i < offset; i = text.indexOf('\n', i + 1)) {
    line++;
    start = i + 1;
  }
  const column = [...text.slice(start, offset)].length + 1;
  if (!base) return { line, column };
  return line === 1 ? { line: base.line, column: base.column + column - 1 } : { line: base.line + line - 1, column };
}
