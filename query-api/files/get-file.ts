/** A file's description. */
import { fileSchema } from '../../contracts/http/files.js';
import { fileBody } from '../../domain/file/view.js';
import { Refusal, type Route } from '../../http/server/route.js';
import type { Current } from '../executions/current.js';
import { ownFile } from './own-file.js';

export const getFile = (current: Current): Route => ({
  method: 'GET',
  path: '/files/{id}',
  summary: "Read a file's description",
  description: 'An uploaded file has one from its confirmation on.',
  tag: 'Files',
  audience: 'tenant',
  permission: 'files:read',
  replySchemas: { 200: fileSchema },
  refusals: ['NOT_FOUND'],
  async handle(request, caller) {
    const file = await ownFile(current, request, caller);
    return file ? { status: 200, body: fileBody(file) } : new Refusal('NOT_FOUND');
  },
});
