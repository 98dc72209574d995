/**
 * Reads a request's JSON body, refusing early what can't be one.
 * 1. Never more than the limit is held in memory, whatever Content-Length claims. 2. Bytes must be UTF-8.
 * 3. `__proto__` as a key is refused, also where it is written with escapes: no merge further down has to be careful. 4. Texts are Unicode:
 * half of a surrogate pair would be another text in a table than in memory. 5. Nesting ends where everybody who walks a body by recursion
 * can still follow.
 */
import type { IncomingMessage } from 'node:http';
import { Refusal } from '@convergence/contracts';

export const BODY_LIMIT = 1024 * 1024;
/** JSON.stringify and ajv give up at some thousands. */
const DEEPEST = 100;

export interface Body {
  /** The bytes as they came: signatures are made over them. */
  readonly raw: Buffer;
  /** undefined when there was no body. */
  readonly json: unknown;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

export async function readJsonBody(request: IncomingMessage, limit = BODY_LIMIT): Promise<Body> {
  const raw = await readBytes(request, limit);
  if (raw.length === 0) return { raw, json: undefined };
  const type = request.headers['content-type'] ?? '';
  if (!/^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(type)) {
    throw new Refusal(
      'request.not_json',
      type ? `The body is ${type.slice(0, 60)}, not application/json.` : 'Content-Type: application/json is missing.',
    );
  }
  return { raw, json: parse(raw) };
}

function parse(raw: Buffer): unknown {
  try {
    if (isTooDeep(raw)) throw new SyntaxError(`Nested deeper than ${DEEPEST} levels`);
    const text = utf8.decode(raw);
    return text.includes('__proto__') || text.includes('\\u') ? JSON.parse(text, allowed) : JSON.parse(text);
  } catch (error) {
    const reason = error instanceof SyntaxError ? error.message : 'It is not UTF-8';
    throw new Refusal('request.malformed', `The body is not valid JSON: ${reason.slice(0, 120)}.`, { cause: error });
  }
}

function isTooDeep(raw: Buffer): boolean {
  let depth = 0;
  let inText = false;
  for (let i = 0; i < raw.length; i++) {
    const sign = raw[i];
    if (sign === SIGN.quote) inText = !inText;
    else if (inText && sign === SIGN.escape) i++;
    else if (inText) continue;
    else if (sign === SIGN.object || sign === SIGN.array) depth++;
    else if (sign === SIGN.objectEnd || sign === SIGN.arrayEnd) depth--;
    if (depth > DEEPEST) return true;
  }
  return false;
}
const SIGN = { quote: 0x22, escape: 0x5c, object: 0x7b, array: 0x5b, objectEnd: 0x7d, arrayEnd: 0x5d } as const;

function allowed(key: string, value: unknown): unknown {
  if (key === '__proto__') throw new SyntaxError('The key __proto__ is not allowed');
  if (!key.isWellFormed() || (typeof value === 'string' && !value.isWellFormed())) throw new SyntaxError('Half of a surrogate pair');
  return value;
}

async function readBytes(request: IncomingMessage, limit: number): Promise<Buffer> {
  const tooLarge = () => new Refusal('request.too_large', `The body is larger than ${Math.round(limit / 1024)} KB.`);
  if (Number(request.headers['content-length'] ?? 0) > limit) throw tooLarge();
  const encoding = request.headers['content-encoding'];
  if (encoding && encoding !== 'identity')
    throw new Refusal('request.not_json', `Content-Encoding ${encoding.slice(0, 40)} is not supported.`);
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) throw tooLarge();
    chunks.push(chunk);
  }
  return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, size);
}
