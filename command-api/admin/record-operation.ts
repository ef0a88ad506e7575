/** Records what an operator asks for that changes no aggregate, before it is done. */
import { randomUUID } from 'node:crypto';
import type { OperationRequested } from '../../contracts/events/operators.js';
import { streamOf } from '../../contracts/streams.js';
import { appendOf } from '../../command-handling/streams.js';
import { NO_STREAM } from '../../infra/event-store/port.js';
import type { ApiRequest } from '../../http/server/route.js';
import { operatorMetadata } from '../command-metadata.js';
import type { Commands } from '../command-infra.js';

/** `reason`: where the body has it. Throws a `Refusal`, or `StoreUnavailable`. */
export async function recordOperation(
  { store, now }: Pick<Commands, 'store' | 'now'>,
  request: ApiRequest,
  operation: OperationRequested['data']['operation'],
  subject: string,
  reason?: string,
): Promise<void> {
  const operationId = `opr_${randomUUID()}` as const;
  const at = new Date(now()).toISOString();
  const event: OperationRequested = {
    type: 'OperationRequested',
    data: { operationId, operation, subject, at },
  };
  const metadata = operatorMetadata(request, operationId);
  const why = reason === undefined ? metadata : { ...metadata, reason };
  const stream = streamOf('operation', operationId);
  await store.append({ appends: [appendOf(stream, NO_STREAM, [event], why)] });
}
