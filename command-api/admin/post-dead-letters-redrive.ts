/** The operator has a dead letter delivered again. */
import {
  redriveDeadLetterSchema,
  type RedriveDeadLetterBody,
} from '../../contracts/http/operations.js';
import type { StreamName } from '../../contracts/streams.js';
import { Refusal, type Route } from '../../http/server/route.js';
import type { Commands } from '../command-infra.js';
import { recordOperation } from './record-operation.js';

export const postDeadLettersRedrive = (
  commands: Pick<Commands, 'bus' | 'now' | 'store'>,
): Route => ({
  method: 'POST',
  path: '/dead-letters/redrive',
  summary: 'Deliver a dead letter again',
  description:
    'The processor reads the stream anew, so that nothing is done twice that was done before.',
  tag: 'Operations',
  audience: 'operator',
  needs: 'redrive',
  bodySchema: redriveDeadLetterSchema,
  replySchemas: { 204: 'It is delivered again.' },
  refusals: ['NOT_FOUND'],
  async handle(request) {
    const { group, stream, revision } = request.body as RedriveDeadLetterBody;
    const subject = `${group} ${stream}@${revision}`;
    await recordOperation(commands, request, 'redrive_dead_letter', subject);
    const found = await commands.bus.redrive(group, stream as StreamName, revision);
    return found ? { status: 204, logFields: { group, stream } } : new Refusal('NOT_FOUND');
  },
});
