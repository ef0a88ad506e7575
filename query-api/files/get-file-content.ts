/** A file's bytes for whoever has a link: one that its owner gave away, or a provider's. */
import { FileGone } from '../../infra/files/errors.js';
import { linkIn } from '../../infra/files/links.js';
import { withoutPlace } from '../../infra/files/place/without-place.js';
import { Refusal, type ApiRequest, type Reply, type Route } from '../../http/server/route.js';
import type { Current } from '../executions/current.js';
import type { QueryInfra } from '../query-infra.js';
import { rangeIn } from './byte-range.js';
import { isStored } from './own-file.js';
import { sendFile, sentDescription, type SendInfra } from './send-file.js';

type ContentInfra = SendInfra & Pick<QueryInfra, 'now' | 'secrets'>;

export const getFileContent = (infra: ContentInfra, current: Current): Route => ({
  method: 'GET',
  path: '/files/content/{token}',
  summary: "Read a file's bytes by a link",
  tag: 'Files',
  audience: 'link',
  ...sentDescription,
  refusals: ['NOT_FOUND'],
  handle: async (request) =>
    (await byOwnersLink(infra, current, request)) ??
    (await byProvidersLink(infra, request)) ??
    new Refusal('NOT_FOUND'),
});

async function byOwnersLink(
  infra: ContentInfra,
  current: Current,
  request: ApiRequest,
): Promise<Reply | Refusal | undefined> {
  const { token = '' } = request.params;
  const link = linkIn(infra.secrets.fileLinkKey, 'download', token);
  if (!link || link.expiresAtMs <= infra.now()) return undefined;
  const file = await current.file(link.fileId);
  if (!file || !isStored(file)) return undefined;
  return sendFile(infra, request, file, `link:${link.keyId}`);
}

/**
 * While an execution that was accepted before the file went runs, its provider may have the bytes.
 * Nothing about them is said but what they are.
 */
async function byProvidersLink(
  { files, now, secrets }: ContentInfra,
  request: ApiRequest,
): Promise<Reply | undefined> {
  const { token = '' } = request.params;
  const link = linkIn(secrets.fileLinkKey, 'input', token);
  if (!link || link.expiresAtMs <= now()) return undefined;
  const file = await withoutPlace(files, link.fileId).catch(unlessGone);
  if (!file) return undefined;
  const { sizeBytes } = file;
  const asked = rangeIn(request.header('range'), sizeBytes);
  if (asked === 'unsatisfiable')
    return { status: 416, headers: { 'content-range': `bytes */${sizeBytes}` } };
  const { start, end } = asked ?? { start: 0, end: sizeBytes - 1 };
  const headers = {
    'accept-ranges': 'bytes',
    'content-type': file.contentType,
    'content-length': String(end - start + 1),
    'content-disposition': 'attachment',
  };
  const stream = await file.stream(asked).catch(unlessGone);
  if (!stream || !asked) return stream && { status: 200, headers, stream };
  const range = `bytes ${start}-${end}/${sizeBytes}`;
  return { status: 206, headers: { ...headers, 'content-range': range }, stream };
}

function unlessGone(error: unknown): undefined {
  if (!(error instanceof FileGone)) throw error;
}
