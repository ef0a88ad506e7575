/** The operator has a dead letter delivered again. */
import {
  redriveDeadLetterSchema,
  type RedriveDeadLetterBody,
} from '../../contracts/http/operations.js';
import type { StreamName } from '../../contracts/streams.js';
import { Refusal, type Route } from '../../http/server/route.js';
import type { Commands } from '../command-infra.js';

export const postDeadLettersRedrive = ({ bus }: Pick<Commands, 'bus'>): Route => ({
  method: 'POST',
  path: '/dead-letters/redrive',
  summary: 'Deliver a dead letter again',
  description:
    'The processor reads the stream anew, so that nothing is done twice that was done before.',
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
