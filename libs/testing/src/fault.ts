import type { IncomingMessage, ServerResponse } from 'node:http';

/** What a sample cloud answers instead; `cut`: the object, but it breaks off in the middle. */
export type Fault =
  | { readonly status: number; readonly code: string; readonly message?: string; readonly headers?: Readonly<Record<string, string>> }
  | 'cut';
export type Faults = (request: IncomingMessage) => Fault | undefined;

export const bodyOf = async (request: IncomingMessage): Promise<string> => {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
};

export const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** The whole of it, or half of what was promised. */
export function sendObject(response: ServerResponse, content: string, etag: string, cut: boolean): void {
  const bytes = Buffer.from(content);
  response.writeHead(200, { etag, 'content-length': String(bytes.length) });
  if (!cut) return void response.end(bytes);
  response.write(bytes.subarray(0, bytes.length / 2));
  setTimeout(() => response.destroy(), 20);
}
