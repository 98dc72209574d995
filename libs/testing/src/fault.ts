import type { IncomingMessage, ServerResponse } from 'node:http';

/** What a sample cloud answers instead. `cut`: half of it, then the connection breaks; `short`: half of it, as if that were all. */
export type Fault =
  | { readonly status: number; readonly code: string; readonly message?: string; readonly headers?: Readonly<Record<string, string>> }
  | 'cut'
  | 'short';
export type Faults = (request: IncomingMessage) => Fault | undefined;

export const bodyOf = async (request: IncomingMessage): Promise<string> => {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
};

export const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** A list or an object, whole or not. */
export function send(response: ServerResponse, content: string, headers: Readonly<Record<string, string>>, fault: Fault | undefined): void {
  const bytes = Buffer.from(content);
  response.writeHead(200, { ...headers, ...(fault !== 'short' && { 'content-length': String(bytes.length) }) });
  if (fault === undefined) return void response.end(bytes);
  response.write(bytes.subarray(0, bytes.length / 2));
  if (fault === 'short') response.end();
  else setTimeout(() => response.destroy(), 20);
}
