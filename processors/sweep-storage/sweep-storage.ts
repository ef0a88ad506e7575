/**
 * Removes files and large payloads that no event names: their writers died, or an append was not
 * answered. One replica at a time looks through the stores, again and again:
 *
 *   written ─30 min─► old enough ─next pass─► unnamed: suspected ─next pass─► unnamed: removed
 *
 * Passes begin 12 minutes apart, so what a crash left is gone within the hour. Whoever names what
 * it stored does so within seconds; the half hour is measured by the store's clock, and the time
 * between two passes by one that no change of the date moves.
 *
 * Whether a name is in the log is read in a projection, after it has passed the head of the log as
 * it was when the pass had seen the thing. Where it does not come so far, nothing is removed.
 */
import { hash } from 'node:crypto';
import { pause } from '../../infra/concurrency/pause.js';
import { isOutage } from '../../infra/event-store/outage.js';
import { START } from '../../infra/event-store/port.js';
import { whileLeased } from '../../infra/leases/while-leased.js';
import { payloadName } from '../../infra/payloads/key.js';
import {
  filesNamed,
  largePayloadsNamed,
  unnamedOf,
  type NamedIn,
} from '../../infra/read-store/unnamed.js';
import type { Sweepable } from '../../infra/sweepable.js';
import type { Worker } from '../../infra/worker.js';
import type { Infra } from '../../runtime/infra.js';

const LEASE_MS = 10_000;
const PASS_EVERY_MS = 12 * 60_000;
export const AGE_MIN_MS = 30 * 60_000;
const SUSPECTED_MIN_MS = 10 * 60_000;
const PROJECTION_MS = 60_000;
/** More are found in later passes. */
const SUSPECTS_MAX = 100_000;

/** When they were suspected first, on the monotonic clock. */
export type Suspects = Map<string, number>;

export const sweepStorage = (infra: Infra): Worker => ({
  name: 'sweep-storage',
  run: (signal) =>
    whileLeased({
      leases: infra.leases,
      name: 'sweep-storage',
      holder: infra.instance,
      ttlMs: LEASE_MS,
      signal,
      work: (leased) => passUntil(infra, leased),
      onOutage: (err) => infra.log.warn({ err }, 'the lease of the sweep could not be asked for'),
    }),
});

async function passUntil(infra: Infra, signal: AbortSignal): Promise<void> {
  const suspects: Suspects = new Map();
  while (!signal.aborted) {
    const beganAtMs = performance.now();
    try {
      await pass(infra, suspects, signal);
    } catch (err) {
      if (!isOutage(err)) throw err;
      infra.log.warn({ err }, 'the stores could not be swept; trying again');
    }
    await pause(Math.max(0, beganAtMs + PASS_EVERY_MS - performance.now()), signal);
  }
}

/** Looks through both stores once. `nowMs`: of the monotonic clock. */
export async function pass(
  infra: Infra,
  suspects: Suspects,
  signal: AbortSignal,
  nowMs = performance.now(),
): Promise<void> {
  if (!(await areOwn(infra))) return;
  const { files, largePayloads } = infra;
  const seen = new Set<string>();
  const looking = { infra, suspects, seen, signal, nowMs };
  await look(looking, { what: 'files', store: files, named: filesNamed });
  await look(looking, { what: 'payloads', store: largePayloads, named: largePayloadsNamed });
  if (signal.aborted) return;
  for (const name of suspects.keys()) if (!seen.has(name)) suspects.delete(name);
}

interface Looking {
  readonly infra: Infra;
  readonly suspects: Suspects;
  /** Unnamed in this pass. */
  readonly seen: Set<string>;
  readonly signal: AbortSignal;
  readonly nowMs: number;
}

interface Swept<N extends string> {
  readonly what: string;
  readonly store: Sweepable<N>;
  readonly named: NamedIn;
}

async function look<N extends string>(
  { infra, suspects, seen, signal, nowMs }: Looking,
  { what, store, named }: Swept<N>,
): Promise<void> {
  const { readStore, log, now } = infra;
  const beforeMs = now() - AGE_MIN_MS;
  await store.removeUnfinished(beforeMs);
  const due: N[] = [];
  for await (const names of store.writtenBefore(beforeMs)) {
    if (signal.aborted) return;
    for (const name of await unnamedOf(readStore, named, names)) {
      if (name === MARK_NAME || seen.size >= SUSPECTS_MAX) continue;
      seen.add(name);
      const since = suspects.get(name) ?? nowMs;
      suspects.set(name, since);
      if (nowMs - since >= SUSPECTED_MIN_MS) due.push(name);
    }
  }
  const removed = await removeUnnamed(infra, { store, named }, due, signal);
  if (removed > 0) log.info({ [what]: removed }, 'removed what no event names');
}

/** The projection may have been behind when they were looked up, so it is asked again. */
async function removeUnnamed<N extends string>(
  { store: eventStore, progress, readStore, metrics }: Infra,
  { store, named }: Omit<Swept<N>, 'what'>,
  due: readonly N[],
  signal: AbortSignal,
): Promise<number> {
  if (due.length === 0) return 0;
  const head = await eventStore.head();
  if (!(await progress.passed(named.projection, head, PROJECTION_MS))) return 0;
  let removed = 0;
  for (const name of await unnamedOf(readStore, named, due)) {
    if (signal.aborted) break;
    await store.removeNamed(name);
    removed += 1;
  }
  metrics.handled.inc({ group: 'sweep-storage', outcome: 'removed' }, removed);
  return removed;
}

/** A payload of the store itself, which says whose log names what is in it. */
const MARK_REF = 'modelroute/log';
const MARK_NAME = payloadName(MARK_REF);

/**
 * Whether the stores are this log's: in another log's, everything would be unnamed. The first to
 * look leaves the id of the log's first event there, which a log keeps wherever it is moved.
 */
async function areOwn({ store, largePayloads, log }: Infra): Promise<boolean> {
  const { events } = await store.readAll(START, 1);
  const [first] = events;
  if (!first) return false;
  const bytes = Buffer.from(first.id);
  await largePayloads.put({ ref: MARK_REF, organizationId: 'none', bytes });
  const mark = { ref: MARK_REF, sha256: hash('sha256', bytes, 'hex'), bytes: bytes.length };
  const isOwn = (await largePayloads.get(mark))?.equals(bytes) === true;
  if (!isOwn) log.error({ mark: MARK_NAME }, 'not swept: the file store belongs to another log');
  return isOwn;
}
