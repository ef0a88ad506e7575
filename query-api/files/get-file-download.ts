/** A file's bytes. */
import { intactFile } from '../../infra/files/intact.js';
import type { FileRow } from '../../infra/read-store/tables/files.js';
import { Refusal, type ApiRequest, type Reply, type Route } from '../../http/server/route.js';
import type { Current } from '../executions/current.js';
import type { QueryInfra } from '../query-infra.js';
import { rangeIn } from './byte-range.js';
import { ownFile } from './own-file.js';

export const getFileDownload = (
  { files, log }: Pick<QueryInfra, 'files' | 'log'>,
  current: Current,
): Route => ({
  method: 'GET',
  path: '/files/{id}/download',
  summary: "Read a file's bytes",
  description:
    'One `Range` of bytes may be asked for; the `ETag` is the SHA-256 of the bytes. Where files ' +
    'may be fetched from their store itself, a redirect says how: follow it without your key.',
  tag: 'Files',
  audience: 'tenant',
  permission: 'EXECUTION_ONLY',
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
  refusals: ['NOT_FOUND'],
  async handle(request, caller) {
    const file = await ownFile(current, request, caller);
    if (!file) return new Refusal('NOT_FOUND');
    const etag = `"${file.sha256}"`;
    if (isNamed(etag, request.header('if-none-match')))
      return { status: 304, headers: headersOf(file, etag) };
    const link = request.method === 'GET' ? await files.linkTo(file.id, savedAs(file)) : undefined;
    if (link !== undefined) return { status: 302, headers: { location: link } };
    const asked = rangeIn(rangeHeader(request, etag), file.sizeBytes);
    if (asked === 'unsatisfiable') return behindTheEnd(file, etag);
    const stream = await files.open(file.id, asked);
    if (!stream) {
      log.error({ fileId: file.id }, 'the bytes of a file are gone');
      return new Refusal('NOT_FOUND');
    }
    const { start, end } = asked ?? { start: 0, end: file.sizeBytes - 1 };
    const headers = { ...headersOf(file, etag), 'content-length': `${end - start + 1}` };
    if (!asked) return { status: 200, headers, stream: intactFile(stream, file) };
    const range = `bytes ${start}-${end}/${file.sizeBytes}`;
    return { status: 206, headers: { ...headers, 'content-range': range }, stream };
  },
});

/** SVG is a program: like HTML it never runs in a browser under our name. */
const isShown = (contentType: string): boolean =>
  /^(image|audio|video)\//.test(contentType) && !contentType.startsWith('image/svg');

const nameOf = ({ id, format }: Pick<FileRow, 'id' | 'format'>): string =>
  `${id}.${format.replaceAll(/[^a-z0-9]/gi, '')}`;

const savedAs = (file: FileRow) => ({
  contentType: file.contentType,
  fileName: nameOf(file),
});

/** `nosniff` is on every answer. */
const headersOf = ({ id, contentType, format }: FileRow, etag: string) => ({
  'content-type': contentType,
  'content-disposition': isShown(contentType)
    ? 'inline'
    : `attachment; filename="${nameOf({ id, format })}"`,
  'accept-ranges': 'bytes',
  etag,
  'cache-control': 'private, max-age=300',
});

function rangeHeader(request: ApiRequest, etag: string): string | undefined {
  const unless = request.header('if-range');
  return unless === undefined || unless === etag ? request.header('range') : undefined;
}

const isNamed = (etag: string, list = ''): boolean =>
  list.split(',').some((one) => one.trim() === etag || one.trim() === '*');

function behindTheEnd(file: FileRow, etag: string): Reply {
  const { etag: same } = headersOf(file, etag);
  return { status: 416, headers: { etag: same, 'content-range': `bytes */${file.sizeBytes}` } };
}
