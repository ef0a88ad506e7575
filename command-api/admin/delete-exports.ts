/** The operator removes a continuous export. */
import { Refusal, type Route } from '../../http/server/route.js';
import type { Commands } from '../command-infra.js';
import { recordOperation } from './record-operation.js';

type Given = Pick<Commands, 'exports' | 'now' | 'store'>;

export const deleteExports = ({ exports, ...commands }: Given): Route => ({
  method: 'DELETE',
  path: '/exports/{name}',
  summary: 'Remove a continuous export',
  description: 'It ends within some seconds. Its files stay.',
  tag: 'Exports',
  audience: 'operator',
  replySchemas: { 204: 'Removed; also when it was before.' },
  refusals: ['NOT_FOUND'],
  async handle(request) {
    const { name = '' } = request.params;
    if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(name)) return new Refusal('NOT_FOUND');
    await recordOperation(commands, request, 'remove_export', name);
    await exports.remove(name);
    return { status: 204 };
  },
});
