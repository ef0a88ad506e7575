/**
 * The items of a batch before any is worked on: that each is JSON, and under which key. Their
 * values are not kept, so that a large body takes no more memory than its bytes; an item is read
 * again when it is its turn.
 */
import type { JsonProblem } from '../../http/server/json/json-problems.js';
import { readJson } from '../../http/server/json/strict-json.js';
import { BODY_BYTES_MAX } from '../../http/server/read-body.js';
import { Refusal } from '../../http/server/route.js';
import type { GiveWay } from '../../infra/concurrency/turns.js';
import { invalidField } from '../refusals.js';

export interface Item {
  readonly text: Buffer;
  /** Absent where the item says none, or is none itself. */
  readonly key?: string;
  /** Found before its key could be read. */
  readonly refusal?: Refusal;
}

/** A refusal where the body as a whole is no JSON. */
export async function readItems(
  texts: readonly Buffer[],
  giveWay: GiveWay,
): Promise<readonly Item[] | Refusal> {
  const items: Item[] = [];
  for (const [index, text] of texts.entries()) {
    const item = itemOf(text);
    if ('problem' in item) return notJson(index, item.problem);
    items.push(item);
    await giveWay();
  }
  return items;
}

function itemOf(text: Buffer): Item | { readonly problem: JsonProblem } {
  if (text.length > BODY_BYTES_MAX) return { text, refusal: tooLarge() };
  const reading = readJson(text);
  if (!reading.ok) {
    const { problem } = reading;
    return isNoJson(problem) ? { problem } : { text, refusal: unacceptable(problem) };
  }
  const key = (reading.value as { readonly idempotency_key?: unknown } | null)?.idempotency_key;
  return typeof key === 'string' ? { text, key } : { text };
}

const isNoJson = ({ code }: JsonProblem): boolean =>
  code === 'syntax' || code === 'empty' || code === 'invalid_utf8' || code === 'byte_order_mark';

function notJson(index: number, { code, message }: JsonProblem): Refusal {
  const field = `executions[${index}]`;
  const text = `The body is not acceptable JSON. ${message}`;
  return new Refusal('INPUT_VALIDATION_ERROR', text, [{ field, code, message }]);
}

const unacceptable = ({ code, message }: JsonProblem): Refusal =>
  invalidField('body', code, message);

const tooLarge = (): Refusal =>
  new Refusal('PAYLOAD_TOO_LARGE', `An item may have at most ${BODY_BYTES_MAX} bytes.`);
