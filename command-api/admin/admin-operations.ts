/** What the operator does about processors and projectors: dead letters and rebuilds. */
import { rebuildRequestedSchema } from '../../contracts/http/operator-views.js';
import {
  redriveDeadLetterSchema,
  type RedriveDeadLetterBody,
} from '../../contracts/http/operations.js';
import type { StreamName } from '../../contracts/streams.js';
import { Refusal, type Route } from '../../http/server/route.js';
import { requestRebuild } from '../../infra/read-store/projection-states.js';
import type { Commands } from '../command-infra.js';

export const postDeadLettersRedrive = ({ bus }: Commands): Route => ({
  method: 'POST',
  path: '/dead-letters/redrive',
  summary: 'Deliver a dead letter again',
  tag: 'Operations',
  audience: 'operator',
  bodySchema: redriveDeadLetterSchema,
  replySchemas: { 204: 'It is delivered again.' },
  refusals: ['NOT_FOUND'],
  async handle(request) {
    const { group, stream, revision } = request.body as RedriveDeadLetterBody;
    const found = await bus.redrive(group, stream as StreamName, revision);
    return found ? { status: 204, logFields: { group, stream } } : new Refusal('NOT_FOUND');
  },
});

export const postRebuild = ({ readStore }: Pick<Commands, 'readStore'>): Route => ({
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
  async handle({ params }) {
    const { name = '' } = params;
    if (!/^[a-z_]{1,63}$/.test(name)) return new Refusal('NOT_FOUND');
    if (!(await requestRebuild(readStore, name))) return new Refusal('NOT_FOUND');
    return { status: 202, body: { name, rebuild_requested: true } };
  },
});
