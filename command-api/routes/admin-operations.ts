/** What the operator sees and does about processors: dead letters and lag. */
import {
  deadLetterSchema,
  groupSchema,
  retryDeadLetterSchema,
  type RetryDeadLetterBody,
} from '../../contracts/http/operations.js';
import { listOf, queryObject, text } from '../../contracts/http/parts.js';
import type { StreamName } from '../../contracts/streams.js';
import { Refusal, type Route } from '../../infra/http/route.js';
import type { Commands } from '../command-infra.js';

const TAG = 'Operations';

export const getDeadLetters = ({ bus }: Commands): Route => ({
  method: 'GET',
  path: '/dead-letters',
  summary: 'List what processors gave up on',
  tag: TAG,
  audience: 'operator',
  querySchema: queryObject({ 'group?': text('Only of this processor.', 100) }),
  replySchemas: { 200: listOf('DeadLetterList', deadLetterSchema) },
  async handle(request) {
    const parked = await bus.parked(request.query.get('group') ?? undefined);
    const data = parked.map(({ position, parkedAt, ...rest }) => ({
      ...rest,
      position: position.toString(),
      parked_at: parkedAt,
    }));
    return { status: 200, body: { data, next_cursor: null } };
  },
});

export const postDeadLettersRetry = ({ bus }: Commands): Route => ({
  method: 'POST',
  path: '/dead-letters/retry',
  summary: 'Try a dead letter again',
  tag: TAG,
  audience: 'operator',
  bodySchema: retryDeadLetterSchema,
  replySchemas: { 204: 'It is delivered again.' },
  refusals: ['NOT_FOUND'],
  async handle(request) {
    const { group, stream, revision } = request.body as RetryDeadLetterBody;
    const found = await bus.retryParked(group, stream as StreamName, revision);
    return found ? { status: 204, logFields: { group, stream } } : new Refusal('NOT_FOUND');
  },
});

export const getGroups = ({ bus }: Commands): Route => ({
  method: 'GET',
  path: '/groups',
  summary: 'Show how far processors are',
  tag: TAG,
  audience: 'operator',
  replySchemas: { 200: listOf('GroupList', groupSchema) },
  async handle() {
    const lag = await bus.lag();
    const data = lag.map(({ group, checkpoint, head, parked }) => ({
      group,
      checkpoint: checkpoint.toString(),
      head: head.toString(),
      parked,
    }));
    return { status: 200, body: { data, next_cursor: null } };
  },
});
