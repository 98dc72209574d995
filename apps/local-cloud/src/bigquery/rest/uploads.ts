/**
 * Load jobs that bring their file: multipart (metadata and file in one request) and resumable (a session, then the
 * bytes in one or more pieces).
 *
 * 1. A resumable session is forgotten after an hour, or when it is done.
 */
import { randomUUID } from 'node:crypto';
import { ApiError } from '../errors.ts';
import type { Service } from '../service.ts';
import { checkShape } from './body-shape.ts';
import { type Json, Reply, type RestRequest, type Route } from './http.ts';

const SESSION_MS = 3600_000;
const MAX_TOTAL = 1024 * 1024 * 1024;

interface Session {
  readonly request: RestRequest;
  readonly pieces: Buffer[];
  size: number;
  readonly until: number;
}

export function uploadRoutes(service: Service): Route[] {
  const sessions = new Map<string, Session>();

  const begin = async (request: RestRequest) => {
    const type = request.query.get('uploadType') ?? 'multipart';
    const bytes = await request.rawBody();
    if (type === 'multipart') {
      const { metadata, media } = splitMultipart(bytes, String(request.http.headers['content-type'] ?? ''));
      return service.insertJob({ ...request, body: metadata }, media);
    }
    if (type !== 'resumable') throw new ApiError('badRequest', `Unsupported uploadType: ${type}`);
    const body = parse(bytes);
    for (const [id, session] of sessions) if (session.until < Date.now()) sessions.delete(id);
    const id = randomUUID();
    sessions.set(id, { request: { ...request, body }, pieces: [], size: 0, until: Date.now() + SESSION_MS });
    const host = request.http.headers.host ?? new URL(service.origin).host;
    return new Reply(
      200,
      {},
      {
        location: `http://${host}/upload/bigquery/v2/projects/${request.params.project}/jobs?uploadType=resumable&upload_id=${id}`,
        'x-guploader-uploadid': id,
      },
    );
  };

  const put = async (request: RestRequest) => {
    const id = request.query.get('upload_id') ?? '';
    const session = sessions.get(id);
    if (!session) throw new ApiError('notFound', 'Not found: upload session');
    const bytes = await request.rawBody();
    const range = /^bytes (?:(\d+)-(\d+)|\*)\/(\d+|\*)$/.exec(String(request.http.headers['content-range'] ?? ''));
    if (range?.[1] !== undefined && Number(range[1]) > session.size)
      throw new ApiError('badRequest', `Invalid request. There were ${Number(range[1]) - session.size} byte(s) missing before this piece.`);
    // A piece that was sent again after its answer got lost overlaps what we have.
    const overlap = range?.[1] === undefined ? 0 : session.size - Number(range[1]);
    if (overlap < bytes.length) {
      session.pieces.push(bytes.subarray(overlap));
      session.size += bytes.length - overlap;
    }
    if (session.size > MAX_TOTAL) {
      sessions.delete(id);
      throw new ApiError('badRequest', 'The upload is too large.', undefined, 413);
    }
    const total = range?.[3];
    if (total !== undefined && (total === '*' || session.size < Number(total))) {
      return new Reply(308, '', session.size > 0 ? { range: `bytes=0-${session.size - 1}` } : {});
    }
    sessions.delete(id);
    return service.insertJob(session.request, Buffer.concat(session.pieces));
  };

  return [
    '/upload/bigquery/v2/projects/{project}/jobs',
    '/upload/projects/{project}/jobs',
    '/resumable/upload/bigquery/v2/projects/{project}/jobs',
  ].flatMap((path): Route[] => [
    { method: 'POST', path, handle: (request) => (request.query.has('upload_id') ? put(request) : begin(request)), upload: true },
    { method: 'PUT', path, handle: put, upload: true },
  ]);
}

function parse(bytes: Buffer): Json {
  if (bytes.length === 0) return {};
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw new ApiError('parseError', 'Parse Error: the metadata is not valid JSON.');
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    throw new ApiError('parseError', 'Invalid JSON payload received. The root must be an object.');
  checkShape(value as Record<string, unknown>);
  return value;
}

/** multipart/related with exactly two parts: JSON, then the file. */
function splitMultipart(bytes: Buffer, contentType: string): { metadata: Json; media: Buffer } {
  const boundary = /boundary=(?:"([^"]+)"|'([^']+)'|([^;\s]+))/i.exec(contentType);
  const malformed = () => new ApiError('badRequest', 'Malformed multipart body.');
  if (!boundary) throw malformed();
  const marker = Buffer.from(`--${boundary[1] ?? boundary[2] ?? boundary[3]}`);
  const parts: Buffer[] = [];
  let at = bytes.indexOf(marker);
  while (at >= 0) {
    const next = bytes.indexOf(marker, at + marker.length);
    if (next < 0) break;
    parts.push(bytes.subarray(at + marker.length, next));
    at = next;
  }
  if (parts.length !== 2) throw malformed();
  const [metadata, media] = parts.map((part) => {
    const crlf = part.indexOf('\r\n\r\n');
    const lf = part.indexOf('\n\n');
    const [start, width] = crlf >= 0 && (lf < 0 || crlf < lf) ? [crlf, 4] : [lf, 2];
    if (start < 0) throw malformed();
    const content = part.subarray(start + width);
    const tail = content.subarray(-2).toString() === '\r\n' ? 2 : content.at(-1) === 0x0a ? 1 : 0;
    return content.subarray(0, content.length - tail);
  }) as [Buffer, Buffer];
  return { metadata: parse(metadata), media };
}
