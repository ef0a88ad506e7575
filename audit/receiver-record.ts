/**
 * What providers saw, from their own record: the sandbox's `GET /_sandbox/calls` or the file that
 * it keeps, or an invoice with a line for each paid call. I4 from the other side: no dispatch key
 * was paid for twice, none without a claim, and of the paid calls of one execution all but one
 * ended in the log as unknown.
 */
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { request } from 'undici';
import type { AnyEvent } from '../contracts/events/all.js';
import type { RecordedEvent } from '../contracts/events/envelope.js';
import type { ExecutionId } from '../contracts/ids.js';
import { StartError } from '../infra/start-error.js';
import type { Findings } from './findings.js';

export interface ReceiverAudit {
  see(event: RecordedEvent<AnyEvent>): void;
  end(findings: Findings): void;
  readonly calls: number;
  /** Executions that were paid for more than once, as the log tells by an unknown outcome. */
  paidAgain(): number;
}

/** A line names the call's key in one of these fields; it is paid unless it says otherwise. */
interface Call {
  readonly dispatchKey?: string | null;
  readonly idempotencyKey?: string | null;
  readonly idempotency_key?: string | null;
  readonly personality?: string;
  readonly provider?: string;
  readonly paid?: boolean;
}

interface Key {
  paid: number;
  /** The execution that claimed it. */
  executionId?: ExecutionId;
  /** An attempt under it ended so: it may have been paid for, and the log knows. */
  isUnknown: boolean;
  readonly providers: Set<string>;
}

/** The record is to be read before the log's head is: then every call in it was claimed below. */
export async function readReceiverRecord(place: string): Promise<ReceiverAudit> {
  const keys = new Map<string, Key>();
  /** The newest key of each execution under way that was paid for. */
  const newest = new Map<ExecutionId, Key | undefined>();
  let [calls, again] = [0, 0];
  for await (const call of callsIn(place)) {
    calls += 1;
    const name = call.dispatchKey ?? call.idempotencyKey ?? call.idempotency_key;
    if (typeof name !== 'string' || call.paid === false) continue;
    const key = keys.get(name) ?? { paid: 0, isUnknown: false, providers: new Set() };
    key.paid += 1;
    key.providers.add(call.personality ?? call.provider ?? 'a provider');
    keys.set(name, key);
  }
  return {
    calls,
    see({ type, data }) {
      if (type === 'ProviderDispatched') {
        const key = keys.get(data.dispatchKey);
        if (key) key.executionId = data.executionId;
        newest.set(data.executionId, key);
      } else if (type === 'ProviderOutcomeUnknown') {
        const key = newest.get(data.executionId);
        if (key) key.isUnknown = true;
      } else if (OVER.has(type) && 'executionId' in data) newest.delete(data.executionId);
    },
    end(findings) {
      for (const [name, key] of keys) findDoubledOrUnclaimed(name, key, findings);
      again = findUnexplained(keys, findings);
    },
    paidAgain: () => again,
  };
}

const OVER: ReadonlySet<AnyEvent['type']> = new Set([
  'ExecutionCompleted',
  'ExecutionFailed',
  'ExecutionCancelled',
  'ExecutionExpired',
]);

function findDoubledOrUnclaimed(name: string, key: Key, findings: Findings): void {
  const at = [...key.providers].join(', ');
  if (key.paid > 1) findings.add('I4', name, `${key.paid} calls were paid for at ${at}`);
  if (!key.executionId && name.startsWith('exec_'))
    findings.add('I4', name, `a call was paid for at ${at}, and nobody claimed it`);
}

/** One paid call gave the answer; how many executions had others that the log explains. */
function findUnexplained(keys: ReadonlyMap<string, Key>, findings: Findings): number {
  const byExecution = new Map<ExecutionId, [string, Key][]>();
  for (const [name, key] of keys) {
    if (!key.executionId) continue;
    const paid = byExecution.get(key.executionId) ?? [];
    byExecution.set(key.executionId, paid);
    paid.push([name, key]);
  }
  let again = 0;
  for (const [executionId, paid] of byExecution) {
    if (paid.length < 2) continue;
    const certain = paid.filter(([, { isUnknown }]) => !isUnknown).map(([name]) => name);
    if (certain.length < 2) again += 1;
    else {
      const problem = `${paid.length} calls were paid for, and none of these ended as unknown`;
      findings.add('I4', `execution-${executionId}`, `${problem}: ${certain.join(', ')}`);
    }
  }
  return again;
}

async function* callsIn(place: string): AsyncGenerator<Call> {
  if (/^https?:\/\//.test(place)) {
    yield* await callsAt(place);
    return;
  }
  // The line of a finished call follows the one of its arrival, which is never paid.
  try {
    if (place.endsWith('.json')) {
      yield* callsOf(JSON.parse(await readFile(place, 'utf8')));
      return;
    }
    for await (const line of createInterface({ input: createReadStream(place) }))
      if (line.endsWith('}')) yield JSON.parse(line) as Call;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new StartError(`The record of calls ${place} cannot be read: ${code ?? message}.`);
  }
}

async function callsAt(place: string): Promise<readonly Call[]> {
  const url = new URL(place);
  if (url.pathname === '/') url.pathname = '/_sandbox/calls';
  try {
    const { statusCode, body } = await request(url);
    const text = await body.text();
    if (statusCode !== 200) throw new Error(`it answered ${statusCode}`);
    return callsOf(JSON.parse(text));
  } catch (error) {
    throw new StartError(`The record of calls ${url.href} cannot be read: ${whyOf(error)}.`);
  }
}

/** A list of lines, bare or under `data`. */
function callsOf(document: unknown): readonly Call[] {
  const lines: unknown = Array.isArray(document)
    ? document
    : (document as { data?: unknown } | null)?.data;
  if (Array.isArray(lines)) return lines as readonly Call[];
  throw new Error('it is neither a list nor has one under "data"');
}

const whyOf = (error: unknown): string => {
  const { code, message } = error as NodeJS.ErrnoException;
  return code ?? message;
};
