/**
 * How many outputs are fetched at one time: permits shared over organizations and the hosts that
 * the outputs lie at. What waits costs a line in memory, and no slot of the bus.
 */
import type { Calling } from '../run-execution/route-circuits.js';
import { StoreOverloaded } from '../../infra/event-store/port.js';
import {
  openFairStarts,
  type Destination,
  type Ending,
  type FairStarts,
} from '../../infra/concurrency/fair-starts.js';

export interface OutputPlace {
  readonly organizationId: string;
  /** Undefined for an output that came with the provider's answer. */
  readonly host: string | undefined;
}

export interface OutputLanes {
  /**
   * Runs the work when it is its turn; resolves or rejects as the work does. Throws
   * `StoreOverloaded`, which the bus takes for nobody's fault, when no place is left to wait in.
   */
  run(at: OutputPlace, work: () => Promise<Ending>): Promise<void>;
  /** Starts nothing more, and resolves when nothing runs. What waits is never ended. */
  close(): Promise<void>;
}

interface Fetching extends Destination {
  readonly work: () => Promise<Ending>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

const PLACES = { placesMax: 20_000, placesPerEndpointMax: 20_000 };
const FETCHED = { permits: 64, perHostMax: 64, perEndpointMax: 32, ...PLACES };
/** Each is in memory whole, some megabytes, and needs nobody but the disk or the bucket. */
const INLINE = { permits: 24, perHostMax: 24, perEndpointMax: 12, ...PLACES };

export function openOutputLanes(): OutputLanes {
  const fetched = openFairStarts<Fetching>(FETCHED);
  const inline = openFairStarts<Fetching>(INLINE);
  const running = new Set<Promise<void>>();
  return {
    run({ organizationId, host }, work) {
      return new Promise((resolve, reject) => {
        const starts = host === undefined ? inline : fetched;
        const endpoint = `${organizationId} ${host}`;
        const at = { organizationId, host: host ?? '', endpoint };
        if (!starts.add({ ...at, work, resolve, reject }))
          throw new StoreOverloaded('too many outputs wait to be fetched');
        startReady(starts, running);
      });
    },
    async close() {
      fetched.clear();
      inline.clear();
      while (running.size > 0) await Promise.all(running);
    },
  };
}

function startReady(starts: FairStarts<Fetching>, running: Set<Promise<void>>): void {
  for (let next = starts.next(); next; next = starts.next()) {
    const fetching = next;
    const run = end(fetching).then((ending) => {
      running.delete(run);
      starts.ended(fetching, ending);
      startReady(starts, running);
    });
    running.add(run);
  }
}

/** Never rejects. */
async function end({ work, resolve, reject }: Fetching): Promise<Ending> {
  try {
    const ending = await work();
    resolve();
    return ending;
  } catch (error) {
    reject(error);
    return error instanceof Unreachable ? 'hung' : 'unknown';
  }
}

/** An output cannot be fetched now, perhaps later. */
export class Unreachable extends Error {
  constructor(
    message: string,
    readonly provider: string,
    readonly calling: Calling,
  ) {
    super(message);
  }
}
