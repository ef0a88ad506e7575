/** A system with all roles but the sandbox in one process, and executions to give it. */
import type { Bench } from '../cell.js';
import type { Defer } from '../defer.js';
import { closedLoop } from '../load.js';
import { logCounts } from '../log-check.js';
import { followLog } from '../log-progress.js';
import { followReadModels, miscountedReadModels } from '../read-model-progress.js';
import { createTenants, startModelRoute, WORKING_ROLES, type Tenant } from '../modelroute.js';
import { CLIENTS } from '../settings.js';
import { submissionsOf, type Submissions } from '../submissions.js';

export interface Place {
  readonly databaseUrl: string;
  readonly sandboxUrl: string;
  readonly env?: Readonly<Record<string, string>>;
  /** What is followed until all is done; the read models also where no SQL reads the log. */
  readonly through?: 'log' | 'readModels';
  /** Organizations, 16 unless it says so. */
  readonly tenants?: number;
}

export interface Executions {
  readonly url: string;
  readonly adminKey: string;
  readonly pid: number;
  readonly tenants: readonly Tenant[];
  readonly submissions: Submissions;
  /** So many executions by closed loop, until all of them are readable. */
  burst(count: number): Promise<Burst>;
  /** Resolves when all that was accepted is done and readable. */
  settled(): Promise<void>;
  /** How many were answered 202. */
  accepted(): number;
  /** Counts those of a load that somebody else has made. */
  addAccepted(more: number): void;
  /** One sentence for each count of the log that differs from what was accepted. */
  miscounted(): Promise<string[]>;
}

type Burst = Readonly<Record<'perSecond' | 'acceptedPerSecond' | 'readableAfterMs', number>>;

/** The label of the idempotency keys. */
export const KEYS = 'bench';
const TENANTS = 16;
const INGRESS_SECONDS_MAX = 120;

export async function openExecutions(
  { databases }: Bench,
  place: Place,
  defer: Defer,
): Promise<Executions> {
  const system = await startModelRoute({ databases, ...place, roles: WORKING_ROLES });
  defer(() => system.stop());
  const tenants = await createTenants(system, place.tenants ?? TENANTS);
  const submissions = submissionsOf(tenants, KEYS);
  const isLogRead = place.through !== 'readModels';
  const follow = isLogRead ? followLog : followReadModels;
  const progress = await follow(place.databaseUrl);
  defer(() => progress.close());
  let accepted = 0;
  return {
    url: system.url,
    adminKey: system.adminKey,
    pid: system.pid,
    tenants,
    submissions,
    async burst(count) {
      await progress.mark();
      const began = performance.now();
      const { answers, perSecond: acceptedPerSecond } = await closedLoop({
        url: system.url,
        clients: CLIENTS,
        seconds: INGRESS_SECONDS_MAX,
        answersMax: count,
        next: submissions.fresh,
        accept: (status) => status === 202,
      });
      accepted += answers;
      const { completedMs, readableMs } = await progress.done(answers);
      const perSecond = (answers * 1000) / (readableMs - began);
      return { perSecond, acceptedPerSecond, readableAfterMs: readableMs - completedMs };
    },
    async settled() {
      await progress.mark('start');
      await progress.done(accepted);
    },
    accepted: () => accepted,
    addAccepted: (more) => void (accepted += more),
    async miscounted() {
      if (!isLogRead) return miscountedReadModels(place.databaseUrl, accepted);
      const { requested, holds, completed, settled } = await logCounts(place.databaseUrl);
      return Object.entries({ requested, holds, completed, settled })
        .filter(([, n]) => n !== accepted)
        .map(([what, n]) => `${accepted} were answered 202, but ${what} in the log: ${n}`);
    },
  };
}
