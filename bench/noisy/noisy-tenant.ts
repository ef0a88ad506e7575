/** The noisy tenant: puts as much as it may, and goes on with it. */
import { setTimeout as pause } from 'node:timers/promises';
import { query } from '../database.js';
import { closedLoop, openLoop, type LoadRequest } from '../load.js';
import { CLIENTS } from '../settings.js';
import type { NoisySystem } from './system.js';

export interface NoisyTenant {
  /** Until so many are accepted; what is refused for a while is put again. */
  put(count: number, body: () => object): Promise<void>;
  /** So many a second meanwhile, whether they are accepted or not. */
  goOn(perSecond: number, seconds: number, body: () => object): Promise<void>;
  accepted(): number;
  refused(): number;
  /** Resolves when none is open. */
  ended(): Promise<void>;
  /** One sentence when ends and what was accepted differ. */
  miscounted(): Promise<string[]>;
}

const PASS_SECONDS = 120;
const STALL_MS = 600_000;
const GO_ON_CLIENTS = 16;

export function openNoisyTenant(system: NoisySystem): NoisyTenant {
  const { url, noisy } = system;
  let [made, accepted, refused] = [0, 0, 0];
  const next = (body: () => object) => (): LoadRequest => ({
    method: 'POST',
    path: '/v1/executions',
    headers: {
      authorization: `Bearer ${noisy.apiKey}`,
      'content-type': 'application/json',
      'idempotency-key': `noisy-${made++}`,
    },
    body: JSON.stringify(body()),
  });
  const accept = (status: number): boolean => {
    if (status === 202) accepted += 1;
    else refused += 1;
    return status === 202 || status === 429 || status === 503;
  };
  return {
    async put(count, body) {
      const wanted = accepted + count;
      while (accepted < wanted) {
        const [before, refusedBefore] = [accepted, refused];
        const load = { url, clients: CLIENTS, seconds: PASS_SECONDS, next: next(body), accept };
        await closedLoop({ ...load, answersMax: wanted - accepted });
        if (refused > refusedBefore) await pause(1_000);
        if (accepted === before) throw new Error(`only ${before} of ${wanted} were accepted`);
      }
    },
    async goOn(perSecond, seconds, body) {
      const load = { url, clients: GO_ON_CLIENTS, seconds, perSecond };
      const failed = () => void (refused += 1);
      await openLoop({ ...load, next: next(body), accept, failed });
    },
    accepted: () => accepted,
    refused: () => refused,
    async ended() {
      let [last, movedMs] = [-1, performance.now()];
      for (;;) {
        const { open, rows } = await countsOf(system);
        if (open === 0 && rows === accepted) return;
        if (open !== last) [last, movedMs] = [open, performance.now()];
        if (performance.now() - movedMs > STALL_MS)
          throw new Error(`${open} of the noisy tenant's executions do not end`);
        await pause(1_000);
      }
    },
    async miscounted() {
      const { open, rows } = await countsOf(system);
      if (open === 0 && rows === accepted) return [];
      return [`the noisy tenant put ${accepted}: there are ${rows}, of which ${open} are open`];
    },
  };
}

async function countsOf({ databaseUrl, noisy }: NoisySystem) {
  const [row] = await query<{ rows: number; open: number }>(
    databaseUrl,
    `SELECT count(*)::int AS rows,
      (count(*) FILTER (
        WHERE status NOT IN ('COMPLETED', 'FAILED', 'CANCELLED', 'EXPIRED')
      ))::int AS open
    FROM readmodel.executions WHERE organization_id = $1`,
    [noisy.organizationId],
  );
  return row ?? { rows: 0, open: 0 };
}
