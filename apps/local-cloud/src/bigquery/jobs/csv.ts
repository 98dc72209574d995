/** CSV as BigQuery loads and extracts it. Pure. */
export interface CsvFormat {
  readonly delimiter: string;
  readonly quote: string;
  readonly allowQuotedNewlines: boolean;
}
export interface CsvField {
  readonly text: string;
  readonly quoted: boolean;
}
/** The file is no CSV from here on. */
export class CsvProblem extends Error {
  constructor(message: string, at: number) {
    super(`Error detected while parsing row starting at position: ${at}. Error: ${message}`);
  }
}

/** Rows with the character offset at which each starts. A quote is escaped by doubling it. */
export function* csvRows(
  text: string,
  { delimiter, quote, allowQuotedNewlines }: CsvFormat,
): Generator<{ fields: CsvField[]; at: number }> {
  let at = 0;
  const end = text.length;
  while (at < end) {
    const start = at;
    const fields: CsvField[] = [];
    for (;;) {
      let field = '';
      let quoted = false;
      if (quote !== '' && text[at] === quote) {
        quoted = true;
        at++;
        for (;;) {
          const close = text.indexOf(quote, at);
          if (close < 0) throw new CsvProblem(`Missing close double quote (${quote}) character.`, start);
          field += text.slice(at, close);
          at = close + 1;
          if (text[at] !== quote) break;
          field += quote;
          at++;
        }
        if (!allowQuotedNewlines && /[\r\n]/.test(field)) throw new CsvProblem(`Missing close double quote (${quote}) character.`, start);
        if (at < end && !text.startsWith(delimiter, at) && text[at] !== '\n' && text[at] !== '\r')
          throw new CsvProblem(`Data between close quote character (${quote}) and field separator.`, start);
      } else {
        let stop = at;
        while (stop < end && text[stop] !== '\n' && text[stop] !== '\r' && !text.startsWith(delimiter, stop)) stop++;
        field = text.slice(at, stop);
        at = stop;
      }
      fields.push({ text: field, quoted });
      if (text.startsWith(delimiter, at) && at < end) {
        at += delimiter.length;
        continue;
      }
      break;
    }
    if (text[at] === '\r') at++;
    if (text[at] === '\n') at++;
    if (fields.length > 1 || fields[0]!.text !== '' || fields[0]!.quoted) yield { fields, at: start };
  }
}

export function csvLine(values: readonly (string | null)[], delimiter: string): string {
  return values
    .map((value) =>
      value === null ? '' : value === '' || value.includes(delimiter) || /["\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value,
    )
    .join(delimiter);
}
