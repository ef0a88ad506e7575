/**
 * The items of a batch, each as `POST /v1/executions` would have answered it. All are checked, in
 * short turns, and then placed in units as large as the account appends. Of items under one key the
 * first comes first, and the others in a next wave, when it is answered.
 */
import { BATCH_ITEMS_MAX, batchItemSchema } from '../../contracts/http/batches.js';
import type { SubmitBody } from '../../contracts/http/post-executions.js';
import type { BatchId, ExecutionId } from '../../contracts/ids.js';
import { bodyCheck } from '../../http/server/check-schema.js';
import { errorReply, refusalOf } from '../../http/server/envelope.js';
import { readJson } from '../../http/server/json/strict-json.js';
import { Refusal, type ApiRequest, type Caller, type Reply } from '../../http/server/route.js';
import type { GiveWay } from '../../infra/concurrency/turns.js';
import { SMALL_PAYLOAD_BYTES_MAX } from '../../infra/payloads/port.js';
import type { Commands } from '../command-infra.js';
import { requireIdempotencyKey } from '../executions/idempotency-key.js';
import { place, prepare, type Prepared } from '../executions/prepare-submission.js';
import type { Item } from './read-items.js';

export interface ItemResult {
  readonly shown: {
    readonly status: number;
    readonly body: unknown;
    readonly idempotency_replayed?: true;
    readonly retry_after?: number;
  };
  /** The execution, and the batch that it names. */
  readonly accepted?: { readonly id: ExecutionId; readonly batchId?: BatchId };
}

interface Answering {
  readonly commands: Commands;
  readonly request: ApiRequest;
  readonly caller: Caller;
  readonly batchId: BatchId;
  readonly giveWay: GiveWay;
}

/** As many commands as an account appends in one unit. */
const UNIT_MAX = 256;
/** Large inputs are stored one by one, so many at a time. */
const LARGE_AT_ONCE = 8;

const checkItem = bodyCheck(batchItemSchema);

export async function answerItems(
  answering: Answering,
  items: readonly Item[],
): Promise<readonly ItemResult[]> {
  const results = new Map<Item, ItemResult>();
  const acceptedKeys = new Set<string>();
  let waiting = items;
  // Each wave answers one item at least.
  for (let wave = 0; waiting.length > 0 && wave < BATCH_ITEMS_MAX; wave++) {
    const { now, later } = nextWave(waiting, acceptedKeys);
    const answers = await answerWave(answering, now);
    for (const [index, item] of now.entries()) {
      const result = resultOf(answering, answers[index]!);
      results.set(item, result);
      if (result.accepted && item.key !== undefined) acceptedKeys.add(item.key);
    }
    waiting = later;
  }
  return items.map((item) => results.get(item)!);
}

/** Keys that were accepted change nothing any more, so their repeats need not wait for another. */
function nextWave(waiting: readonly Item[], acceptedKeys: ReadonlySet<string>) {
  const keys = new Set<string>();
  const now: Item[] = [];
  const later: Item[] = [];
  for (const item of waiting) {
    const { key } = item;
    const isFree = key === undefined || acceptedKeys.has(key) || !keys.has(key);
    (isFree ? now : later).push(item);
    if (key !== undefined) keys.add(key);
  }
  return { now, later };
}

type Answer = Reply | Refusal;

async function answerWave(answering: Answering, wave: readonly Item[]): Promise<readonly Answer[]> {
  const preparing: Promise<Prepared | Answer>[] = [];
  for (const item of wave) {
    preparing.push(guarded(answering, () => prepareItem(answering, item)));
    await answering.giveWay();
  }
  const answers = await Promise.all(preparing);
  const placed = new Map<Prepared, Answer>();
  const placing = async (one: Prepared) => {
    placed.set(one, await guarded(answering, () => place(answering.commands, one)));
  };
  const prepared = answers.filter(isPrepared);
  const small = prepared.filter(isSmall);
  // More would take the places of others in the queue of the account.
  for (let at = 0; at < small.length; at += UNIT_MAX)
    await Promise.all(small.slice(at, at + UNIT_MAX).map(placing));
  const queue = prepared.filter((one) => !isSmall(one)).values();
  const lane = async () => {
    for (const one of queue) await placing(one);
  };
  await Promise.all(Array.from({ length: LARGE_AT_ONCE }, lane));
  return answers.map((one) => (isPrepared(one) ? placed.get(one)! : one));
}

const isPrepared = (one: Prepared | Answer): one is Prepared => 'submission' in one;

const isSmall = ({ submission }: Prepared): boolean =>
  submission.inputBytes.length <= SMALL_PAYLOAD_BYTES_MAX;

/** What is thrown for one item is its answer. */
async function guarded<T>(
  { commands, request }: Answering,
  work: () => Promise<T>,
): Promise<T | Refusal> {
  try {
    return await work();
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal) return refusal;
    commands.log.error({ err: error, requestId: request.requestId }, 'an item of a batch failed');
    return new Refusal('INTERNAL_ERROR');
  }
}

async function prepareItem(
  { commands, request, caller, batchId }: Answering,
  { text, refusal }: Item,
): Promise<Prepared | Answer> {
  if (refusal) return refusal;
  const reading = readJson(text);
  if (!reading.ok) throw new Error('an item of a batch is no JSON any more');
  const details = checkItem(reading.value, text.length);
  if (details.length > 0)
    return new Refusal('INPUT_VALIDATION_ERROR', 'The body is not valid.', details);
  const body = reading.value as SubmitBody;
  // The header is the key of the batch.
  const key = requireIdempotencyKey({ header: () => undefined }, body.idempotency_key);
  return prepare(commands, { request, caller, body, key, batchId });
}

function resultOf({ request }: Answering, answer: Answer): ItemResult {
  const reply =
    answer instanceof Refusal ? errorReply(answer, request.requestId, undefined) : answer;
  const { status, body, headers = {} } = reply;
  const retryAfter = headers['retry-after'];
  const shown = {
    status,
    body,
    ...(headers['idempotency-replayed'] && { idempotency_replayed: true as const }),
    ...(retryAfter !== undefined && { retry_after: Number(retryAfter) }),
  };
  if (status !== 202) return { shown };
  const { id, batch_id: batchId } = body as { id: ExecutionId; batch_id?: BatchId };
  return { shown, accepted: { id, ...(batchId && { batchId }) } };
}
