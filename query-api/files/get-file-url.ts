/** A link to a file, for whomever its owner gives it to. */
import { fileUrlQuery, fileUrlSchema } from '../../contracts/http/files.js';
import { linkToken } from '../../infra/files/links.js';
import { Refusal, type Route } from '../../http/server/route.js';
import type { Current } from '../executions/current.js';
import type { QueryInfra } from '../query-infra.js';
import { ownFile } from './own-file.js';

export const getFileUrl = (
  { addresses, now, secrets }: Pick<QueryInfra, 'addresses' | 'now' | 'secrets'>,
  current: Current,
): Route => ({
  method: 'GET',
  path: '/files/{id}/url',
  summary: 'Get a link to a file',
  description:
    'Whoever has the link may read the file without a key until it ends, or until the file is ' +
    'deleted.',
  tag: 'Files',
  audience: 'tenant',
  permission: 'files:read',
  querySchema: fileUrlQuery,
  replySchemas: { 200: fileUrlSchema },
  refusals: ['NOT_FOUND'],
  async handle(request, caller) {
    const file = await ownFile(current, request, caller);
    if (!file) return new Refusal('NOT_FOUND');
    const { expires_in: seconds } = request.queryValues as { expires_in: number };
    const wishedMs = now() + seconds * 1_000;
    const endsMs = file.expiresAt === undefined ? wishedMs : Date.parse(file.expiresAt);
    const expiresAtMs = Math.min(wishedMs, endsMs);
    const { keyId } = caller;
    const link = { use: 'download', fileId: file.id, keyId, expiresAtMs } as const;
    const token = linkToken(secrets.fileLinkKey, link);
    return {
      status: 200,
      body: {
        file_id: file.id,
        url: `${addresses.filesUrl}/v1/files/content/${token}`,
        expires_at: new Date(expiresAtMs).toISOString(),
      },
    };
  },
});
