/** A file's bytes as an answer: whole or one range of them, and never run by a browser. */
import type { FileContent } from '../../contracts/events/file.js';
import type { FileId } from '../../contracts/ids.js';
import type { Reader } from '../../command-handling/download-log.js';
import { intactFile } from '../../infra/files/intact.js';
import type { ByteRange } from '../../infra/files/port.js';
import { Refusal, type ApiRequest, type Reply } from '../../http/server/route.js';
import type { QueryInfra } from '../query-infra.js';
import { rangeIn } from './byte-range.js';
import type { StoredView } from './own-file.js';

export type SendInfra = Pick<QueryInfra, 'downloadLog' | 'files' | 'log'>;

/** What both routes that send bytes say about their answers. */
export const sentDescription = {
  headers: {
    Range: '`bytes=0-1023`, `bytes=1024-` or `bytes=-512`.',
    'If-Range': 'The `ETag`: the whole file unless it is still the same.',
    'If-None-Match': 'The `ETag`: no bytes when it is still the same.',
  },
  replySchemas: {
    200: 'The bytes.',
    206: 'The bytes of the range.',
    302: 'The bytes are at `Location`, for five minutes.',
    304: 'The same bytes as before.',
    416: 'The range lies behind the end.',
  },
  replyTypes: { 'application/octet-stream': {}, '*/*': {} },
  replyHeaders: ['ETag', 'Accept-Ranges', 'Content-Range', 'Content-Disposition', 'Location'],
} as const;

/** That somebody reads it is in the log before the first byte is sent. */
export async function sendFile(
  { downloadLog, files, log }: SendInfra,
  request: ApiRequest,
  { id, content }: StoredView,
  actor: Reader['actor'],
): Promise<Reply | Refusal> {
  const etag = `"${content.sha256}"`;
  const about = headersOf(id, content, etag);
  if (isNamed(etag, request.header('if-none-match'))) return { status: 304, headers: about };
  const asked = rangeIn(rangeHeader(request, etag), content.sizeBytes);
  if (asked === 'unsatisfiable')
    return { status: 416, headers: { etag, 'content-range': `bytes */${content.sizeBytes}` } };
  const isRead = request.method === 'GET';
  if (isRead) await downloadLog.record(id, { actor, ip: request.ip, requestId: request.requestId });
  const link = isRead ? await files.linkTo(id, savedAs(id, content)) : undefined;
  if (link !== undefined) return { status: 302, headers: { location: link } };
  const stream = await files.open(id, asked);
  if (!stream) {
    log.error({ fileId: id }, 'the bytes of a file are gone');
    return new Refusal('NOT_FOUND');
  }
  return sent({ content, about, asked, stream });
}

interface Sending {
  readonly content: FileContent;
  readonly about: Readonly<Record<string, string>>;
  readonly asked: ByteRange | undefined;
  readonly stream: NonNullable<Reply['stream']>;
}

function sent({ content, about, asked, stream }: Sending): Reply {
  const { start, end } = asked ?? { start: 0, end: content.sizeBytes - 1 };
  const headers = { ...about, 'content-length': `${end - start + 1}` };
  if (!asked) return { status: 200, headers, stream: intactFile(stream, content) };
  const range = `bytes ${start}-${end}/${content.sizeBytes}`;
  return { status: 206, headers: { ...headers, 'content-range': range }, stream };
}

/** SVG is a program: like HTML it never runs in a browser under our name. */
const isShown = (contentType: string): boolean =>
  /^(image|audio|video)\//.test(contentType) && !contentType.startsWith('image/svg');

const nameOf = (id: FileId, { format }: FileContent): string =>
  `${id}.${format.replaceAll(/[^a-z0-9]/gi, '')}`;

const savedAs = (id: FileId, content: FileContent) => ({
  contentType: content.contentType,
  fileName: nameOf(id, content),
});

/** `nosniff` is on every answer. */
const headersOf = (id: FileId, content: FileContent, etag: string) => ({
  'content-type': content.contentType,
  'content-disposition': isShown(content.contentType)
    ? 'inline'
    : `attachment; filename="${nameOf(id, content)}"`,
  'content-security-policy': "default-src 'none'; sandbox",
  'accept-ranges': 'bytes',
  etag,
  'cache-control': 'private, max-age=300',
});

function rangeHeader(request: ApiRequest, etag: string): string | undefined {
  const unless = request.header('if-range');
  return unless === undefined || unless === etag ? request.header('range') : undefined;
}

const isNamed = (etag: string, list = ''): boolean =>
  list.split(',').some((one) => one.trim().replace(/^W\//, '') === etag || one.trim() === '*');
