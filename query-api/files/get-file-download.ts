/** A file's bytes. */
import { Refusal, type Route } from '../../http/server/route.js';
import type { Current } from '../executions/current.js';
import { ownFile } from './own-file.js';
import { sendFile, sentDescription, type SendInfra } from './send-file.js';

export const getFileDownload = (infra: SendInfra, current: Current): Route => ({
  method: 'GET',
  path: '/files/{id}/download',
  operationId: 'downloadFile',
  summary: "Read a file's bytes",
  description:
    'One `Range` of bytes may be asked for; the `ETag` is the SHA-256 of the bytes. Where files ' +
    'may be fetched from their store itself, a redirect says how: follow it without your key.',
  tag: 'Files',
  audience: 'tenant',
  permission: 'files:read',
  ...sentDescription,
  refusals: ['NOT_FOUND'],
  async handle(request, caller) {
    const file = await ownFile(current, request, caller);
    if (!file) return new Refusal('NOT_FOUND');
    return sendFile(infra, request, file, caller.keyId);
  },
});
