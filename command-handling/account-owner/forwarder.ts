/** Forwards commands to the internal listeners of other processes, and says how each call ended. */
import { Agent, request } from 'undici';
import { readSettled, type Settled } from './forwarded-commands.js';
import { AUTHORIZATION, FORWARDED_COMMANDS_PATH, signatureOf } from './signature.js';

/**
 *   unreachable  no connection: nothing was sent
 *   notOwner     the receiver does not decide for the account under that token
 *   refused      the receiver does not take it: another release, another key, too large
 *   overloaded   the receiver has too much under way
 *   unknown      sent, and not answered: the commands may have been decided or may yet be
 */
export type Forwarded =
  | { readonly outcome: 'answered'; readonly settled: readonly Settled[] }
  | { readonly outcome: 'notOwner' | 'refused' | 'overloaded' }
  | { readonly outcome: 'unreachable' | 'unknown'; readonly error: unknown };

export interface Forwarder {
  /** Ends within `ANSWER_MS`. */
  forward(address: string, body: Buffer): Promise<Forwarded>;
  close(): Promise<void>;
}

const CONNECT_MS = 500;
const ANSWER_MS = 1_800;
/** Some hundred bytes for each command of a batch. */
const ANSWER_BYTES_MAX = 1024 * 1024;
/** Shorter than listeners keep an idle connection; none falls silent unnoticed for longer. */
const KEEP_ALIVE_MS = 3_000;
/** To one listener; each carries one batch at a time. */
const CONNECTIONS_MAX = 32;

export function openForwarder({ key }: { readonly key: string }): Forwarder {
  const dispatcher = new Agent({
    connections: CONNECTIONS_MAX,
    pipelining: 1,
    connect: { timeout: CONNECT_MS },
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
  });
  return {
    async forward(address, body) {
      const late = new AbortController();
      const timer = setTimeout(() => late.abort(), ANSWER_MS);
      try {
        const answer = await request(`http://${address}${FORWARDED_COMMANDS_PATH}`, {
          dispatcher,
          method: 'POST',
          headers: { [AUTHORIZATION]: signatureOf(key, body) },
          body,
          signal: late.signal,
        });
        return answeredWith(answer.statusCode, await textOf(answer.body));
      } catch (error) {
        return { outcome: isUnsent(error) ? 'unreachable' : 'unknown', error };
      } finally {
        clearTimeout(timer);
      }
    },
    close: () => dispatcher.close(),
  };
}

/** Throws for more than an owner answers; then nothing of it is believed. */
async function textOf(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > ANSWER_BYTES_MAX) throw new Error('the answer is larger than answers are');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function answeredWith(status: number, text: string): Forwarded {
  if (status === 200) return { outcome: 'answered', settled: readSettled(text) };
  if (status === 409) return { outcome: 'notOwner' };
  return { outcome: status === 503 ? 'overloaded' : 'refused' };
}

/** Codes with which making a connection fails. */
const CONNECT_CODES = [
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
];

const isUnsent = (error: unknown): boolean =>
  CONNECT_CODES.includes((error as NodeJS.ErrnoException).code ?? '');
