/** A log that keeps what it was told, for tests that ask. */
export function keptLog() {
  const lines: { level: 'info' | 'warn' | 'error'; fields: object; message: string }[] = [];
  const at = (level: 'info' | 'warn' | 'error') => (fields: object, message: string) => {
    lines.push({ level, fields, message });
  };
  return { lines, info: at('info'), warn: at('warn'), error: at('error') };
}
