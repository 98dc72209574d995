/** DuckDB's run-time messages in BigQuery's words. Anything not known here is no user's error: undefined. */
import { GoogleSqlError } from './contract.ts';

const RULES: readonly (readonly [RegExp, (m: RegExpExecArray) => string])[] = [
  [/^Invalid Input Error: (.*)$/s, (m) => m[1]!],
  [
    /Overflow in (?:addition|subtraction|multiplication) of INT64 \((-?\d+) ([-+*]) (-?\d+)\)/,
    (m) => `int64 overflow: ${m[1]} ${m[2]} ${m[3]}`,
  ],
  [/Overflow in HUGEINT addition/, () => 'numeric overflow: SUM'],
  [/Like pattern must not end with escape character/, () => 'LIKE pattern ends with a backslash'],
  [/Overflow in negation/i, () => 'int64 overflow: negation'],
  [/Overflow in (?:addition|subtraction|multiplication) of DECIMAL/, () => 'numeric overflow'],
  [/Type INT128 with value (-?\d+) can't be cast/, (m) => `int64 overflow: ${m[1]}`],
  [/Could not cast value (\S+) to DECIMAL/, (m) => `numeric overflow: ${m[1]}`],
  [/More than one row returned by a subquery/, () => 'Scalar subquery produced more than one element'],
  [/(?:Casting value|Could not cast value) ("[^"]*"|\S+)/, (m) => `Bad value: ${m[1]}`],
  [/NOT NULL constraint failed: .*?\.("?)([^".]+)\1$/, (m) => `Required field ${m[2]} cannot be null`],
  [
    /invalid (?:perl operator|regular expression|escape sequence|repetition|character class|UTF-8)|missing argument to repetition|missing closing|unexpected \)|bad repetition|no argument for repetition/i,
    (m) => `Cannot parse regular expression: ${m.input.replace(/^[A-Za-z ]*Error: /, '')}`,
  ],
  [/Unknown TimeZone '([^']*)'/, (m) => `Invalid time zone: ${m[1]}`],
  [/date field value out of range: "?([^"!]*)/i, (m) => `Invalid date: '${m[1]}'`],
  [/(?:Timestamp|Date|timestamp|date|Interval).*(?:out of range|overflow)/, () => 'Date or timestamp out of range'],
  [/Cannot add|Overflow/, (m) => m.input.replace(/^[A-Za-z ]*Error: /, '')],
];

export function translateDuckError(error: Error): GoogleSqlError | undefined {
  const message = error.message.trim();
  if (
    !/^(Invalid Input|Out of Range|Conversion|Constraint|Not implemented|Mismatch Type|Syntax) Error/.test(message) &&
    !/More than one row returned/.test(message)
  )
    return undefined;
  for (const [pattern, render] of RULES) {
    if (pattern === RULES[0]![0] && /Invalid Input Error: (More than one row|Overflow)/.test(message)) continue;
    const found = pattern.exec(message);
    if (found) return new GoogleSqlError('invalidQuery', render(found), undefined);
  }
  if (/^(Out of Range|Conversion|Invalid Input) Error/.test(message))
    return new GoogleSqlError('invalidQuery', message.replace(/^[A-Za-z ]*Error: /, ''), undefined);
  return undefined;
}
