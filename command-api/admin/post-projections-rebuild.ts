/** The operator has a projection built anew, or all of them. */
import {
  rebuildRequestedSchema,
  rebuildsRequestedSchema,
} from '../../contracts/http/operator-views.js';
import { Refusal, type Route } from '../../http/server/route.js';
import { requestRebuilds } from '../../infra/read-store/projection-states.js';
import type { Commands } from '../command-infra.js';
import { recordOperation } from './record-operation.js';

type Rebuilding = Pick<Commands, 'now' | 'readStore' | 'store'>;

export const postProjectionsRebuild = ({ readStore, ...commands }: Rebuilding): Route => ({
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
    const [known] = await requestRebuilds(readStore, name);
    if (known === undefined) return new Refusal('NOT_FOUND');
    return { status: 202, body: { name, rebuild_requested: true } };
  },
});

export const postProjectionsRebuildAll = ({ readStore, ...commands }: Rebuilding): Route => ({
  method: 'POST',
  path: '/projections/rebuild',
  operationId: 'adminRebuildAllProjections',
  summary: 'Rebuild all projections',
  description:
    'The projectors build all anew beside the live ones, in one reading of the log, ' +
    'and swap each in. Watch them in the list of projections.',
  tag: 'Projections',
  audience: 'operator',
  replySchemas: { 202: rebuildsRequestedSchema },
  async handle(request) {
    await recordOperation(commands, request, 'rebuild_projection', 'all');
    const names = await requestRebuilds(readStore);
    return { status: 202, body: { names, rebuild_requested: true } };
  },
});
