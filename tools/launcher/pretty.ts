/** A log line as people read it: time, service in its colour, severity, message, the fields that matter. Anything else goes through as it is. */
import { styleText } from 'node:util';

const COLOURS = ['cyan', 'green', 'magenta', 'blue', 'yellow', 'gray'] as const;
const SEVERITIES: Readonly<Record<string, Parameters<typeof styleText>[0]>> = {
  DEBUG: 'gray',
  INFO: 'white',
  WARNING: 'yellow',
  ERROR: 'red',
  CRITICAL: ['red', 'bold'],
};
const WIDTH = 17;

export function prettifier(names: readonly string[], colour: boolean): (name: string, line: string) => string {
  const paint = (style: Parameters<typeof styleText>[0], text: string) =>
    colour ? styleText(style, text, { validateStream: false }) : text;
  return (name, line) => {
    const tag = paint(COLOURS[names.indexOf(name) % COLOURS.length] ?? 'gray', name.padEnd(WIDTH));
    const record = parsed(line);
    if (!record) return `${tag} ${line}`;
    const { severity, time, message, service: _service, err, ...rest } = record;
    const fields = Object.entries(rest)
      .filter(([key]) => !key.startsWith('logging.googleapis.com/'))
      .map(([key, value]) => `${key}=${typeof value === 'object' ? JSON.stringify(value) : value}`);
    const label = String(severity ?? 'INFO');
    const head = `${String(time ?? '').slice(11, 23)} ${tag} ${paint(SEVERITIES[label] ?? 'white', label.padEnd(8))} ${message ?? ''}`;
    const tail = fields.length > 0 ? ` ${paint('gray', fields.join(' '))}` : '';
    return `${head}${tail}${err ? `\n${stackOf(err)}` : ''}`;
  };
}

function parsed(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

function stackOf(error: unknown): string {
  const { stack, message, cause } = error as { stack?: string; message?: string; cause?: unknown };
  const own = String(stack ?? message ?? JSON.stringify(error)).replace(/^/gm, '    ');
  return cause && typeof cause === 'object' ? `${own}\n    caused by:\n${stackOf(cause)}` : own;
}
