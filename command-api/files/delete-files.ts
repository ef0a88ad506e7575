/** Deletes a file. */
import {
  Refusal,
  type ApiRequest,
  type Caller,
  type Reply,
  type Route,
} from '../../http/server/route.js';
import type { Commands } from '../command-infra.js';
import { metadataOf } from '../command-metadata.js';
import { refused } from '../refusals.js';
import { ownFileState } from './own-file-state.js';

export const deleteFiles = (commands: Commands): Route => ({
  method: 'DELETE',
  path: '/files/{id}',
  summary: 'Delete a file',
  description:
    'It is gone at once, with every link to it. Executions that were accepted before keep its ' +
    'bytes until they are over; then these are removed.',
  tag: 'Files',
  audience: 'tenant',
  permission: 'files:write',
  replySchemas: { 204: 'Deleted; also when it was before.' },
  refusals: ['NOT_FOUND'],
  handle: (request, caller) => handle(commands, request, caller),
});

async function handle(
  commands: Commands,
  request: ApiRequest,
  caller: Caller,
): Promise<Reply | Refusal> {
  const { fileRecords, now } = commands;
  const state = await ownFileState(commands, request.params['id'] ?? '', caller);
  if (!state) return new Refusal('NOT_FOUND');
  const { fileId } = state;
  const command = { type: 'Delete', at: new Date(now()).toISOString() } as const;
  const metadata = metadataOf(request, caller.keyId, fileId);
  const result = await fileRecords.transact(fileId, command, metadata);
  if (result.outcome === 'rejected') return refused(result.reason);
  return { status: 204, logFields: { fileId } };
}
