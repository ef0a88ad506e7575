/**
 * Attempts to deliver, in the background: they wait for permits and are made (make-attempt.ts).
 * What waits costs a line in memory; past the places there, only the row of its timer, from which
 * it comes back (due-deliveries.ts). An attempt that was cut is made by its timer too.
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

export interface DeliveryAttempts {
  /** The next attempt at what was scheduled before. */
  start(loaded: Loaded<Waiting>): Started;
  /**
   * Schedules a delivery and makes its first attempt. Where that starts at once and is answered
   * soon, both are recorded together; else it is scheduled before it waits. The notification is
   * processed once the delivery is in the log.
   */
  startNew(fresh: Fresh): Deferral;
  /** The same for what may have been scheduled, and attempted, before: that is not sent again. */
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
}

interface Attempts {
  readonly infra: Infra;
  readonly starts: FairStarts<Attempt>;
  /** Those that run, and those that wait. */
  readonly known: Set<DeliveryId>;
  readonly running: Map<DeliveryId, Promise<void>>;
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

export function openDeliveryAttempts(infra: Infra): DeliveryAttempts {
  const stopping = new AbortController();
  const cut = new AbortController();
  const starts = openFairStarts<Attempt>(LIMITS);
  const known = new Set<DeliveryId>();
  const attempts: Attempts = { infra, starts, known, running: new Map(), cut: cut.signal };

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
    const attempt: Attempt = { ...destinationOf(scheduled), due: loaded, fresh: undefined };
    const started = begin(attempt);
    if (started === 'waiting') attempt.due = undefined;
    return started;
  }

  return {
    start,
    startNew(fresh) {
      const { promise, first } = firstOf(fresh);
      const attempt: Attempt = { ...destinationOf(fresh.scheduled), due: undefined, fresh: first };
      const outcome = begin(attempt);
      if (outcome !== 'started') {
        attempt.fresh = undefined;
        attempt.scheduling = schedule(infra, fresh).then(first.scheduledIs, first.scheduledIsNot);
      }
      return { outcome, processed: promise };
    },
    startAgain(fresh) {
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
      const timer = setTimeout(() => cut.abort(), waitMs);
      while (attempts.running.size > 0) await Promise.all(attempts.running.values());
      clearTimeout(timer);
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

/** What is no URL is refused when it is posted. */
function destinationOf(scheduled: Scheduled): Destination & Pick<Attempt, 'deliveryId'> {
  const { deliveryId, organizationId, endpointId, url } = scheduled;
  const host = URL.canParse(url) ? new URL(url).host : url;
  return {
    deliveryId,
    organizationId,
    host,
    endpoint: endpointOf(organizationId, endpointId ?? url),
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
async function make(
  { infra, starts, cut }: Attempts,
  { deliveryId, due, fresh, scheduling, ...destination }: Attempt,
): Promise<Ending> {
  try {
    await scheduling;
    const { outcome, ending } = fresh
      ? await makeFirst(infra, fresh, cut)
      : await makeDue(infra, due ?? deliveryId, starts.hangs(destination), cut);
    infra.log.debug({ deliveryId, outcome }, 'webhook');
    return ending;
  } catch (err) {
    fresh?.scheduledIsNot(err);
    const message = 'an attempt to deliver was not recorded; it is made again';
    infra.log.warn({ deliveryId, err }, message);
    return 'unknown';
  }
}
