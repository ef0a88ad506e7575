/** What a body of JSON must be before it is read, and the items of a large one. */
import type { IncomingMessage } from 'node:http';
import type { ErrorDetail } from '../../contracts/error-codes.js';
import { openTurns } from '../../infra/concurrency/turns.js';
import type { IncomingRequest } from './incoming-request.js';
import { splitItems } from './json/json-items.js';
import { BODY_BYTES_MAX } from './read-body.js';
import { Refusal, type ItemsOfBody } from './route.js';

export const invalid = (message: string, details: readonly ErrorDetail[]): Refusal =>
  new Refusal('INPUT_VALIDATION_ERROR', message, details);

const jsonType = /^application\/json\s*(;\s*charset="?utf-8"?\s*)?$/i;

export function contentRefusal({ headers }: IncomingMessage): Refusal | undefined {
  const type = headers['content-type'];
  if (type !== undefined && type !== 'application/json' && !jsonType.test(type))
    return unsupported('content-type', 'The body must be application/json in UTF-8.');
  if (headers['content-encoding'] !== undefined)
    return unsupported('content-encoding', 'The body must not be encoded.');
  return undefined;
}

const unsupported = (field: string, message: string): Refusal =>
  invalid(message, [{ field, code: 'unsupported', message }]);

/** What is left of the body without its items. */
export async function takeItems(
  request: IncomingRequest,
  whole: Buffer,
  { field, itemsMax }: ItemsOfBody,
): Promise<Buffer | Refusal> {
  const { outline, items } = await splitItems(whole, itemsMax, openTurns());
  if (items.length > itemsMax) {
    const message = `must NOT have more than ${itemsMax} items`;
    return invalid('The body is not valid.', [{ field, code: 'max_items', message }]);
  }
  if (outline.length > BODY_BYTES_MAX) {
    const message = `Without its items a body may have at most ${BODY_BYTES_MAX} bytes.`;
    return new Refusal('PAYLOAD_TOO_LARGE', message);
  }
  request.bodyItems = items;
  return outline;
}
