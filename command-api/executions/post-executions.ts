/** Submits an execution: `202` at once with its id and the money that is held for it. */
import { acceptedSchema } from '../../contracts/http/execution.js';
import { idempotencyHeader } from '../../contracts/http/parts.js';
import { submitSchema, type SubmitBody } from '../../contracts/http/post-executions.js';
import type { ApiRequest, Caller, Refusal, Reply, Route } from '../../http/server/route.js';
import type { Commands } from '../command-infra.js';
import { requireIdempotencyKey } from './idempotency-key.js';
import { place, prepare } from './prepare-submission.js';

export const postExecutions = (commands: Commands): Route => ({
  method: 'POST',
  path: '/executions',
  operationId: 'submitExecution',
  summary: 'Submit an execution',
  description:
    'Runs a model on an input. Answers at once; the outcome is told by webhook or by polling. ' +
    'A repeat with the same idempotency key and body gets the original answer again, with ' +
    '`Idempotency-Replayed: true`, and never runs or costs anything a second time.',
  tag: 'Executions',
  audience: 'tenant',
  permission: 'executions:write',
  bodySchema: submitSchema,
  headers: {
    'Idempotency-Key': idempotencyHeader(
      'Names the request within your organization; required here, or as `idempotency_key` in the ' +
        'body.',
    ),
  },
  replySchemas: { 202: acceptedSchema },
  replyHeaders: ['Location', 'Link', 'Idempotency-Replayed'],
  refusals: [
    'INSUFFICIENT_BALANCE',
    'IDEMPOTENCY_MISMATCH',
    'FILE_NOT_FOUND',
    'FILE_FORMAT_UNSUPPORTED',
  ],
  handle: (request, caller) => handle(commands, request, caller),
});

async function handle(
  commands: Commands,
  request: ApiRequest,
  caller: Caller,
): Promise<Reply | Refusal> {
  const body = request.body as SubmitBody;
  const key = requireIdempotencyKey(request, body.idempotency_key);
  const prepared = await prepare(commands, { request, caller, body, key });
  return 'submission' in prepared ? place(commands, prepared) : prepared;
}
