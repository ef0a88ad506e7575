/**
 * Attempts to deliver, in the background: they wait for permits and are made (make-attempt.ts).
 * A new delivery whose turn comes within a second is in the log with its first attempt, by one
 * append; one that waits for longer is scheduled meanwhile, and costs a line in memory from then
 * on. Past the places there it costs only the row of its timer, from which it comes back
 * (due-deliveries.ts). An attempt that was cut is made by its timer too.
 */
import type { DeliveryScheduled } from '../../contracts/events/delivery.js';
import type { DeliveryId } from '../../contracts/ids.js';
import type { Loaded } from '../../command-handling/repository.js';
import {
  openFairStarts,
  type Backlog,
  type Destination,
  type Ending,
  type FairStarts,
} from '../../infra/concurrency/fair-starts.js';
import type { Deferral } from '../../infra/event-bus/port.js';
import { openRecentMap, type RecentMap } from '../../infra/recent-map.js';
import { endpointOf } from '../../infra/read-store/due-deliveries.js';
import type { Infra } from '../../runtime/infra.js';
import {
  makeDue,
  makeFirst,
  schedule,
  type First,
  type Fresh,
  type Waiting,
} from './make-attempt.js';
import { openPostponed, type Postponed } from './postponed.js';

export interface DeliveryAttempts {
  /** The next attempt at what was scheduled before. */
  start(loaded: Loaded<Waiting>): Started;
  /**
   * Schedules a delivery and makes its first attempt. Where that starts at once and is answered
   * soon, both are recorded together; else it is scheduled before it waits. The notification is
   * processed once the delivery is in the log.
   */
  startNew(fresh: Fresh): Deferral;
  /**
   * Schedules a delivery before its first attempt: one that may have been scheduled, and attempted,
   * before, and is not sent again then; or one whose words may be others the next time.
   */
  startAgain(fresh: Fresh): Deferral;
  /** In order not to be given what waits already, or could not wait. */
  backlog(): Backlog<{ readonly deliveryId: DeliveryId }>;
  /** Attempts that run now. */
  running(): Iterable<DeliveryId>;
  drain(waitMs: number): Promise<void>;
}

export type Started = 'started' | 'waiting' | 'in_flight' | 'no_place' | 'stopping';

type Scheduled = DeliveryScheduled['data'];

interface Attempt extends Destination {
  readonly deliveryId: DeliveryId;
  /** Forgotten when the attempt has to wait. */
  due: Loaded<Waiting> | undefined;
  /** What is not scheduled yet; forgotten when the attempt has to wait, and is scheduled then. */
  fresh: First | undefined;
  /** Pending while it is scheduled. */
  scheduling?: Promise<unknown>;
  /** By the monotonic clock; of what this process has the first word of. */
  readonly newSinceMs?: number;
}

interface Attempts {
  readonly infra: Infra;
  readonly starts: FairStarts<Attempt>;
  /** Those that run, and those that wait. */
  readonly known: Set<DeliveryId>;
  readonly running: Map<DeliveryId, Promise<void>>;
  /** Those that wait and are not in the log. */
  readonly unscheduled: Postponed<Attempt>;
  readonly scheduling: Set<Promise<unknown>>;
  /** Of what waits, by what they say: the endpoints of an organization share an event's. */
  readonly bodies: RecentMap<string, string>;
  readonly cut: AbortSignal;
}

/**
 * Sockets. One organization gets at most half of them, and of one host. Five hundred bytes or so a
 * place.
 */
const LIMITS = {
  permits: 1_024,
  perHostMax: 128,
  perEndpointMax: 16,
  placesMax: 20_000,
  placesPerEndpointMax: 1_000,
};
/** Of an organization: enough for the time until more are looked for. */
const READY_MAX = 256;
/** What waits for longer is scheduled, so that it is seen and its notification is processed. */
const UNSCHEDULED_MS = 1_000;
const BODIES = { costMax: 16 * 1024 * 1024, entriesMax: 4_000, ageMaxMs: 60_000 };
/** What this process scheduled is attempted nowhere else within it (see `FIRST_ATTEMPT_MS`). */
const ALONE_MS = 10_000;

export function openDeliveryAttempts(infra: Infra): DeliveryAttempts {
  const stopping = new AbortController();
  const cut = new AbortController();
  const starts = openFairStarts<Attempt>(LIMITS);
  const known = new Set<DeliveryId>();
  const attempts: Attempts = {
    infra,
    starts,
    known,
    running: new Map(),
    unscheduled: openPostponed(UNSCHEDULED_MS, (attempt) => scheduleNow(attempts, attempt)),
    scheduling: new Set(),
    bodies: openRecentMap(BODIES),
    cut: cut.signal,
  };

  function begin(attempt: Attempt): Started {
    const { deliveryId } = attempt;
    if (stopping.signal.aborted) return 'stopping';
    if (known.has(deliveryId)) return 'in_flight';
    if (!starts.add(attempt)) return 'no_place';
    known.add(deliveryId);
    startReady(attempts);
    return attempts.running.has(deliveryId) ? 'started' : 'waiting';
  }

  function start(loaded: Loaded<Waiting>): Started {
    const { scheduled } = loaded.state;
    const attempt: Attempt = { ...attemptAt(scheduled), due: loaded };
    const started = begin(attempt);
    if (started === 'waiting') attempt.due = undefined;
    return started;
  }

  return {
    start,
    startNew(fresh) {
      const { promise, first } = firstOf(fresh);
      const newSinceMs = performance.now();
      const attempt: Attempt = { ...attemptAt(fresh.scheduled), fresh: first, newSinceMs };
      const outcome = begin(attempt);
      if (outcome === 'waiting') {
        // As it is set up when its turn comes.
        attempt.fresh = { ...first, settings: undefined };
        attempts.unscheduled.add(attempt);
      } else if (outcome !== 'started') scheduleNow(attempts, attempt);
      return { outcome, processed: promise };
    },
    startAgain(fresh) {
      keepBody(attempts, fresh);
      const scheduled = schedule(infra, fresh).then((loaded) => {
        const { state } = loaded;
        if (state.status === 'waiting' && state.attempts === 0) start({ ...loaded, state });
      });
      return { outcome: 'scheduled', processed: scheduled };
    },
    backlog: () => starts.backlog(READY_MAX),
    running: () => attempts.running.keys(),
    async drain(waitMs) {
      stopping.abort();
      starts.clear();
      attempts.unscheduled.flush();
      const timer = setTimeout(() => cut.abort(), waitMs);
      while (attempts.running.size > 0) await Promise.all(attempts.running.values());
      clearTimeout(timer);
      await Promise.all(attempts.scheduling);
    },
  };
}

function firstOf(fresh: Fresh): { readonly promise: Promise<void>; readonly first: First } {
  let scheduledIs: First['scheduledIs'] = () => undefined;
  let scheduledIsNot: First['scheduledIsNot'] = () => undefined;
  const promise = new Promise<void>((resolve, reject) => {
    [scheduledIs, scheduledIsNot] = [resolve, reject];
  });
  return { promise, first: { ...fresh, scheduledIs, scheduledIsNot } };
}

function scheduleNow(attempts: Attempts, attempt: Attempt): void {
  const { infra, scheduling } = attempts;
  const { fresh } = attempt;
  if (!fresh) return;
  attempt.fresh = undefined;
  keepBody(attempts, fresh);
  const done = schedule(infra, fresh)
    .then(fresh.scheduledIs, fresh.scheduledIsNot)
    .finally(() => scheduling.delete(done));
  attempt.scheduling = done;
  scheduling.add(done);
}

const keepBody = ({ bodies }: Attempts, { scheduled, body }: Fresh): void =>
  bodies.set(wordsOf(scheduled), body, 2 * body.length);

/** An event is told with its number or without it. */
const wordsOf = ({ eventId, feedSequence }: Scheduled): string => `${eventId} ${feedSequence}`;

/** What is no URL is refused when it is posted. */
function attemptAt(scheduled: Scheduled): Attempt {
  const { deliveryId, organizationId, endpointId, url } = scheduled;
  const host = URL.canParse(url) ? new URL(url).host : url;
  return {
    deliveryId,
    organizationId,
    host,
    endpoint: endpointOf(organizationId, endpointId ?? url),
    due: undefined,
    fresh: undefined,
  };
}

function startReady(attempts: Attempts): void {
  const { starts, known, running } = attempts;
  for (let attempt = starts.next(); attempt; attempt = starts.next()) {
    const started = attempt;
    const { deliveryId } = started;
    const run = make(attempts, started).then((ending) => {
      known.delete(deliveryId);
      running.delete(deliveryId);
      starts.ended(started, ending);
      startReady(attempts);
    });
    running.set(deliveryId, run);
  }
}

/** Never rejects. */
async function make(attempts: Attempts, attempt: Attempt): Promise<Ending> {
  const { infra, starts, bodies, cut } = attempts;
  const { deliveryId, due, fresh, scheduling, newSinceMs = -Infinity } = attempt;
  attempts.unscheduled.delete(attempt);
  try {
    await scheduling;
    const made = fresh
      ? await makeFirst(infra, fresh, cut)
      : await makeDue(infra, {
          due: due ?? deliveryId,
          atLeast: performance.now() < newSinceMs + ALONE_MS ? 0 : undefined,
          bodyOf: (scheduled) => bodies.get(wordsOf(scheduled)),
          hangs: starts.hangs(attempt),
          cut,
        });
    const { outcome, ending, executionId = fresh?.scheduled.executionId } = made;
    infra.log.debug({ deliveryId, executionId, outcome }, 'webhook');
    return ending;
  } catch (err) {
    fresh?.scheduledIsNot(err);
    const message = 'an attempt to deliver was not recorded; it is made again';
    infra.log.warn({ deliveryId, err }, message);
    return 'unknown';
  }
}
