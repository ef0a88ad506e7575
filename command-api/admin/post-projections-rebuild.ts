/** The operator has a projection built anew. */
import { rebuildRequestedSchema } from '../../contracts/http/operator-views.js';
import { Refusal, type Route } from '../../http/server/route.js';
import { requestRebuild } from '../../infra/read-store/projection-states.js';
import type { Commands } from '../command-infra.js';
import { recordOperation } from './record-operation.js';

export const postProjectionsRebuild = ({
  readStore,
  ...commands
}: Pick<Commands, 'now' | 'readStore' | 'store'>): Route => ({
  method: 'POST',
  path: '/projections/{name}/rebuild',
  summary: 'Rebuild a projection',
  description:
    'The projectors build it anew beside the live one, which goes on, and swap it in. ' +
    'Watch it in the list of projections.',
  tag: 'Projections',
  audience: 'operator',
  replySchemas: { 202: rebuildRequestedSchema },
  refusals: ['NOT_FOUND'],
  async handle(request) {
    const { name = '' } = request.params;
    if (!/^[a-z_]{1,63}$/.test(name)) return new Refusal('NOT_FOUND');
    await recordOperation(commands, request, 'rebuild_projection', name);
    if (!(await requestRebuild(readStore, name))) return new Refusal('NOT_FOUND');
    return { status: 202, body: { name, rebuild_requested: true } };
  },
});
