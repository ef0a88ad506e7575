/** What is found out about the server before anything is asked of it: whether it lets us in. */
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { within } from '../../concurrency/pause.js';
import { StartError } from '../../start-error.js';
import type { StreamName } from '../../../contracts/streams.js';
import type { StoreLog } from '../codec.js';
import { optionsWithoutEffect, type ConnectionString } from './connection-string.js';
import type { Call, LogClient } from './log-client.js';

/**
 * A refusal is not an absence: each has a sentence that names what to change. Rejects with a
 * `StartError`.
 */
export async function expectWelcome(
  client: LogClient,
  url: ConnectionString,
  log: StoreLog,
  timeoutMs: number,
): Promise<void> {
  for (const sentence of optionsWithoutEffect(url)) log.warn({}, sentence);
  const newest = { from: 'end', limit: 1, filter: 'everything' } as const;
  const ending = await endingOf(() => client.readLog(newest, () => undefined), timeoutMs);
  if (ending.kind === 'refused') throw new StartError(await refusalBy(client, url, ending.reason));
  if (ending.kind === 'away') throw new StartError(absenceOf(ending.reason));
  const version = await client.version(timeoutMs);
  const advice = version === undefined ? undefined : adviceFor(version);
  if (advice !== undefined) log.warn({ version }, advice);
}

type Answer = { readonly kind: 'done' } | { readonly kind: 'refused' | 'away'; reason: string };

/** Asks again until the time is over; the reason is the last one that was heard. */
async function endingOf(ask: () => Call, timeoutMs: number): Promise<Answer> {
  const until = performance.now() + timeoutMs;
  let reason = 'it is silent';
  while (performance.now() < until) {
    const call = ask();
    const isOver = await within(until - performance.now(), call.ended);
    call.cancel();
    if (!isOver) break;
    const ending = await call.ended;
    if (ending.kind === 'done') return ending;
    if (ending.kind === 'refused') return { kind: 'refused', reason: ending.reason };
    // A line that fell silent is ended by us: then nobody has said why.
    if (!ending.reason.startsWith(ENDED_BY_US)) reason = ending.reason;
    await sleep(RETRY_PAUSE_MS);
  }
  return { kind: 'away', reason };
}

const RETRY_PAUSE_MS = 100;
const ENDED_BY_US = '1 CANCELLED';

const STORE = 'The event store of EVENTSTORE_URL';

async function refusalBy(client: LogClient, url: ConnectionString, reason: string) {
  if (isUnknownUser(reason)) return sentences.credentials;
  if (!isDenied(reason)) return `${STORE} refuses to be read (${reason}).`;
  if (url.credentials === '') return sentences.nobody;
  if (isInsecure(url)) return sentences.insecure;
  return (await isKnown(client)) ? sentences.rights(userOf(url)) : sentences.credentials;
}

const absenceOf = (reason: string): string =>
  CERTIFICATE.test(reason)
    ? sentences.certificate(reason, cureOf(reason))
    : `${STORE} does not answer (${reason}): check the address and that the server runs.`;

const sentences = {
  credentials: `${STORE} refuses these credentials: check the user's name and password in it.`,
  nobody: `${STORE} lets nobody in without a user: name it as esdb://user:password@host.`,
  insecure: `${STORE} asks for a user; passwords are only sent over TLS: drop tls=false.`,
  rights: (user: string) =>
    `The user ${user} of EVENTSTORE_URL may not read $all: name it in the $r of its $acl, ` +
    'or make it a member of $admins (docs/operate/eventstoredb.md).',
  certificate: (message: string, cure: string) =>
    `The certificate of the event store of EVENTSTORE_URL cannot be trusted (${message}): ${cure}.`,
};

/** Another name, another time, or another authority. */
function cureOf(reason: string): string {
  if (/altnames/i.test(reason))
    return 'call the server by a name that its certificate has, or have the name added to it';
  if (/expired|not yet valid/i.test(reason)) return 'have it renewed, and look at the clocks';
  return 'name who issued it with tlsCAFile in EVENTSTORE_URL, or with NODE_EXTRA_CA_CERTS';
}

/** As errors of gRPC begin. */
const isUnknownUser = (reason: string): boolean => /^16 |UNAUTHENTICATED/.test(reason);
const isDenied = (reason: string): boolean => /^7 |PERMISSION_DENIED|access denied/i.test(reason);

const CERTIFICATE = /certificate|self.signed|altnames|CERT_/i;

const isInsecure = ({ options }: ConnectionString): boolean =>
  options.some(([name, value]) => name.toLowerCase() === 'tls' && value === 'false');

const userOf = ({ credentials }: ConnectionString): string =>
  decodeURIComponent(credentials.split(':', 1)[0] ?? '');

/** Some servers deny a stranger as they deny a user; but streams of ours are read by any user. */
async function isKnown(client: LogClient): Promise<boolean> {
  const stream: StreamName = 'execution-nobody';
  const range = { stream, from: 0, backward: false, limit: 1 };
  const { kind } = await endingOf(() => client.readStream(range, () => undefined), KNOWN_MS);
  return kind === 'done';
}

const KNOWN_MS = 1_000;

/** The oldest good release of each line; docs/operate/eventstoredb.md says why. */
function adviceFor(version: string): string | undefined {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map((part) => parseInt(part, 10));
  if (Number.isNaN(major + minor + patch)) return undefined;
  const line = major * 100 + minor;
  if (line < 2310)
    return 'this server is too old: its subscriptions do not say what we need to hear';
  if (line === 2310 && patch < 6) return 'use 23.10.6 or later of this server';
  if (line > 2310 && (line < 2410 || (line === 2410 && patch < 5)))
    return 'this server may end a read that failed as if it were whole: use 24.10.5 or later';
  if (line === 2500 && patch < 1) return 'use 25.0.1 or later of this server';
  return undefined;
}
