/**
 * Good clients in bad weather: each asks again, with the same key, until it has an answer, and
 * remembers what it was promised.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  TERMINAL,
  type Answer,
  type Client,
  type Submission,
  type Tenant,
} from '../../testing/client.js';
import { imageOf, textOf } from '../testing/executions.js';
import type { Random } from '../../testing/random.js';

export interface Promised {
  readonly id: string;
  readonly tenant: Tenant;
  readonly key: string;
  readonly body: Submission;
  /** The 202, byte by byte. */
  readonly answer: string;
  /** A cancellation was answered 200. */
  cancelled: boolean;
  /** The terminal state that was read once, and so for ever. */
  seen?: string;
}

export interface Load {
  readonly promised: ReadonlyMap<string, Promised>;
  /** Whatever a client has reason to complain about. */
  readonly complaints: readonly string[];
  readonly counts: Readonly<Record<Count, number>>;
  /** The longest that an answer took, in milliseconds, since this was asked last. */
  slowestMs(): number;
  /** One more submission, on a lane of its own; resolves when it is accepted. */
  probe(): Promise<void>;
  /** The same; resolves when it is over. */
  probeThrough(): Promise<void>;
  /** No new work; resolves when everybody has had an answer. */
  stop(): Promise<void>;
  /** Nobody waits any longer. */
  abandon(): void;
}

type Count = 'accepted' | 'repeated' | 'cancels' | 'reads' | 'unanswered' | 'unavailable';

export interface LoadOptions {
  readonly tenants: readonly Tenant[];
  readonly receiverUrl: string;
  /** One of them is asked for text each time. */
  readonly textModels: readonly string[];
  readonly lanes: number;
  readonly pauseMs: readonly [min: number, max: number];
  readonly random: Random;
}

const PATIENCE_MS = 90_000;
const PROBE_POLL_MS = 50;

interface Lane {
  readonly options: LoadOptions;
  readonly random: Random;
  readonly promised: Map<string, Promised>;
  readonly recent: Promised[];
  readonly complaints: string[];
  readonly counts: Record<Count, number>;
  readonly name: string;
  readonly abandoned: AbortSignal;
  slowestMs: number;
  submitted: number;
}

export function startLoad(options: LoadOptions): Load {
  const promised = new Map<string, Promised>();
  const complaints: string[] = [];
  const counts = { accepted: 0, repeated: 0, cancels: 0, reads: 0, unanswered: 0, unavailable: 0 };
  const stopped = new AbortController();
  const abandoned = new AbortController();
  const laneOf = (name: string): Lane => {
    const random = options.random.branch(name);
    const own = { recent: [], slowestMs: 0, submitted: 0, name, abandoned: abandoned.signal };
    return { options, random, promised, complaints, counts, ...own };
  };
  const lanes = Array.from({ length: options.lanes }, (_, n) => laneOf(`lane-${n}`));
  const probing = laneOf('probe');
  const running = lanes.map(async (lane) => {
    while (!stopped.signal.aborted) {
      await actOnce(lane).catch((error: unknown) => complaints.push(String(error)));
      await sleep(lane.random.between(...options.pauseMs));
    }
  });
  return {
    promised,
    complaints,
    counts,
    slowestMs() {
      const slowest = Math.max(...lanes.map(({ slowestMs }) => slowestMs));
      for (const lane of lanes) lane.slowestMs = 0;
      return Math.round(slowest);
    },
    probe: async () => void (await submitNew(probing)),
    probeThrough: async () => untilOver(probing, await submitNew(probing)),
    async stop() {
      stopped.abort();
      await Promise.all(running);
    },
    abandon() {
      stopped.abort();
      abandoned.abort();
    },
  };
}

async function actOnce(lane: Lane): Promise<void> {
  const dice = lane.random.next();
  const known = lane.random.pick(lane.recent);
  if (!known || dice < 0.7) return void (await submitNew(lane));
  if (dice < 0.82) return repeat(lane, known);
  if (dice < 0.9) return cancel(lane, known);
  return look(lane, known);
}

/** Undefined when there was reason to complain. */
async function submitNew(lane: Lane): Promise<Promised | undefined> {
  const { options, random, counts, promised, recent, name } = lane;
  const tenant = random.pick(options.tenants);
  if (!tenant) throw new Error('a load without tenants');
  const body = bodyFrom(random, options);
  const key = `${name}-${++lane.submitted}`;
  const answer = await untilAnswered(lane, () => tenant.api.submit(body, key));
  const { id } = answer.body;
  if (answer.status !== 202 || promised.has(id)) {
    const what = answer.status === 202 ? 'was given an id that is taken' : 'was answered';
    complain(lane, `${key} ${what}`, answer);
    return undefined;
  }
  const made: Promised = { id, tenant, key, body, answer: answer.text, cancelled: false };
  promised.set(id, made);
  recent.push(made);
  if (recent.length > 20) recent.shift();
  counts.accepted += 1;
  return made;
}

async function untilOver(lane: Lane, made: Promised | undefined): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (made && !made.seen) {
    if (performance.now() > deadline) throw new Error(`${made.id} is not over`);
    await sleep(PROBE_POLL_MS);
    await look(lane, made);
  }
}

function bodyFrom(random: Random, { receiverUrl, textModels }: LoadOptions): Submission {
  const prompt = `A storm, seen ${random.between(1, 1_000_000)} times`;
  const more = random.chance(0.3) ? { webhook_url: receiverUrl } : {};
  if (random.chance(0.06)) return imageOf(prompt, more);
  const text = textOf(prompt, more);
  return { ...text, model: random.pick(textModels) ?? text.model };
}

async function repeat(lane: Lane, { tenant, body, key, answer: first }: Promised): Promise<void> {
  const answer = await untilAnswered(lane, () => tenant.api.submit(body, key));
  lane.counts.repeated += 1;
  if (answer.status !== 202 || answer.text !== first)
    complain(lane, `${key}, asked again, was answered`, answer);
  else if (answer.headers['idempotency-replayed'] !== 'true')
    complain(lane, `${key}, asked again, was not told so`, answer);
}

async function cancel(lane: Lane, known: Promised): Promise<void> {
  const answer = await untilAnswered(lane, () => known.tenant.api.cancel(known.id));
  lane.counts.cancels += 1;
  if (answer.status === 200) known.cancelled = true;
  else if (answer.status !== 409) complain(lane, `a cancel of ${known.id} was answered`, answer);
}

async function look(lane: Lane, known: Promised): Promise<void> {
  const answer = await untilAnswered(lane, () => known.tenant.api.execution(known.id));
  lane.counts.reads += 1;
  const { status } = answer.body;
  if (answer.status !== 200) return complain(lane, `${known.id} was answered`, answer);
  if (known.seen && known.seen !== status)
    complain(lane, `${known.id} was ${known.seen} and now reads`, answer);
  if (TERMINAL.includes(status)) known.seen = status;
}

type Asked<T> = () => Promise<Answer<T>>;
type Body = Awaited<ReturnType<Client['submit']>>['body'];

/** Asks until there is an answer that is no outage. */
async function untilAnswered(lane: Lane, ask: Asked<Body>): Promise<Answer<Body>> {
  const deadline = performance.now() + PATIENCE_MS;
  while (performance.now() < deadline && !lane.abandoned.aborted) {
    const askedAt = performance.now();
    const answer = await ask().catch(() => undefined);
    if (answer) lane.slowestMs = Math.max(lane.slowestMs, performance.now() - askedAt);
    if (answer && answer.status < 500) return answer;
    lane.counts[answer ? 'unavailable' : 'unanswered'] += 1;
    if (answer && answer.status !== 503) complain(lane, 'an outage reads', answer);
    await sleep(lane.random.between(20, 150));
  }
  throw new Error(`${lane.name} had no answer within ${PATIENCE_MS} ms`);
}

function complain({ complaints }: Lane, what: string, { status, text }: Answer<Body>): void {
  complaints.push(`${what} ${status}: ${text.slice(0, 300)}`);
}
