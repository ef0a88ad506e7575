/**
 * What a provider saw, from its own record: the sandbox's `GET /_sandbox/calls`, or the file that
 * it keeps. I4 from the other side: no dispatch key was paid for twice, and none without a claim.
 */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { request } from 'undici';
import type { AnyEvent } from '../contracts/events/all.js';
import type { RecordedEvent } from '../contracts/events/envelope.js';
import { StartError } from '../infra/start-error.js';
import type { Findings } from './findings.js';

export interface ReceiverAudit {
  see(event: RecordedEvent<AnyEvent>): void;
  end(findings: Findings): void;
  readonly calls: number;
}

interface Call {
  readonly call: number;
  readonly personality: string;
  readonly dispatchKey: string | null;
  readonly paid: boolean;
}

interface Key {
  paid: number;
  claimed: boolean;
  readonly personalities: Set<string>;
}

/** The record is to be read before the log's head is: then every call in it was claimed below. */
export async function readReceiverRecord(place: string): Promise<ReceiverAudit> {
  const keys = new Map<string, Key>();
  let calls = 0;
  for await (const { dispatchKey, paid, personality } of callsIn(place)) {
    calls += 1;
    if (dispatchKey === null || !paid) continue;
    const key = keys.get(dispatchKey) ?? { paid: 0, claimed: false, personalities: new Set() };
    key.paid += 1;
    key.personalities.add(personality);
    keys.set(dispatchKey, key);
  }
  return {
    calls,
    see({ type, data }) {
      const key = type === 'ProviderDispatched' ? keys.get(data.dispatchKey) : undefined;
      if (key) key.claimed = true;
    },
    end(findings) {
      for (const [dispatchKey, { paid, claimed, personalities }] of keys) {
        const at = [...personalities].join(', ');
        if (paid > 1) findings.add('I4', dispatchKey, `${paid} calls were paid for at ${at}`);
        if (!claimed && dispatchKey.startsWith('exec_'))
          findings.add('I4', dispatchKey, `a call was paid for at ${at}, and nobody claimed it`);
      }
    },
  };
}

async function* callsIn(place: string): AsyncGenerator<Call> {
  if (/^https?:\/\//.test(place)) {
    yield* await callsAt(place);
    return;
  }
  // The line of a finished call follows the one of its arrival, which is never paid.
  try {
    for await (const line of createInterface({ input: createReadStream(place) }))
      if (line.endsWith('}')) yield JSON.parse(line) as Call;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new StartError(`The receiver's record ${place} cannot be read: ${code ?? message}.`);
  }
}

async function callsAt(place: string): Promise<readonly Call[]> {
  const url = new URL(place);
  if (url.pathname === '/') url.pathname = '/_sandbox/calls';
  try {
    const { statusCode, body } = await request(url);
    const text = await body.text();
    if (statusCode !== 200) throw new Error(`it answered ${statusCode}`);
    return (JSON.parse(text) as { data: readonly Call[] }).data;
  } catch (error) {
    throw new StartError(`The receiver's record ${url.href} cannot be read: ${whyOf(error)}.`);
  }
}

const whyOf = (error: unknown): string => {
  const { code, message } = error as NodeJS.ErrnoException;
  return code ?? message;
};
