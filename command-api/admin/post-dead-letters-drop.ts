/** The operator gives a dead letter up: it is never delivered again. */
import { dropDeadLetterSchema, type DropDeadLetterBody } from '../../contracts/http/operations.js';
import type { StreamName } from '../../contracts/streams.js';
import { Refusal, type Route } from '../../http/server/route.js';
import type { Commands } from '../command-infra.js';
import { recordOperation } from './record-operation.js';

export const postDeadLettersDrop = (commands: Pick<Commands, 'bus' | 'now' | 'store'>): Route => ({
  method: 'POST',
  path: '/dead-letters/drop',
  summary: 'Drop a dead letter',
  description: 'The event stays in the log; what the processor would have done is not done.',
  tag: 'Operations',
  audience: 'operator',
  needs: 'redrive',
  bodySchema: dropDeadLetterSchema,
  replySchemas: { 204: 'It is not delivered any more.' },
  refusals: ['NOT_FOUND'],
  async handle(request) {
    const { group, stream, revision, reason } = request.body as DropDeadLetterBody;
    const subject = `${group} ${stream}@${revision}`;
    await recordOperation(commands, request, 'drop_dead_letter', subject, reason);
    const found = await commands.bus.drop(group, stream as StreamName, revision);
    return found ? { status: 204, logFields: { group, stream } } : new Refusal('NOT_FOUND');
  },
});
