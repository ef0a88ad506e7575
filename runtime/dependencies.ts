/** What `/readyz` asks, by the names that an operator reads there. */
import type { Pool } from 'pg';
import type { Log } from '../infra/logger.js';
import { openPool } from '../infra/postgres/pool.js';
import type { Dependency } from './infra.js';

type Check = Dependency['check'];

interface Asked {
  readonly databaseUrl: string;
  readonly log: Log;
  /** Undefined where the event store is the database. */
  readonly eventStore: Check | undefined;
  readonly eventBus: Check | undefined;
  readonly fileStore: Check | undefined;
}

interface OpenedDependencies {
  readonly dependencies: readonly Dependency[];
  close(): Promise<void>;
}

/** The database is asked over a connection that nothing else uses, however busy the others are. */
export function openDependencies(asked: Asked): OpenedDependencies {
  const { databaseUrl, log, eventBus, fileStore } = asked;
  const probe = openProbe(databaseUrl, log);
  const database = shared(async () => void (await probe.query('select 1')));
  const eventStore = asked.eventStore ? notTooOften(asked.eventStore) : database;
  return {
    dependencies: [
      { name: 'database', check: database },
      { name: 'event-store', check: eventStore },
      ...(eventBus ? [{ name: 'event-bus', check: notTooOften(eventBus) }] : []),
      ...(fileStore ? [{ name: 'file-store', check: notTooOften(fileStore) }] : []),
    ],
    close: () => probe.end(),
  };
}

/** The second within which `/readyz` wants its answer. */
const PROBE_MS = 1_000;

const openProbe = (url: string, log: Log): Pool =>
  openPool(url, {
    max: 1,
    applicationName: 'modelroute probe',
    log,
    timeoutMs: PROBE_MS,
  });

/** Who asks while the question is under way gets its answer. */
function shared(check: Check): Check {
  let asking: Promise<void> | undefined;
  return () =>
    (asking ??= check().finally(() => {
      asking = undefined;
    }));
}

/**
 * These questions are dear beside the hurry of probes: a signed request on a new connection. With
 * the second of a probe, a dependency that falls silent is named within 2.5 s.
 */
const FRESH_MS = 1_400;

/** One that has answered is taken for there for a while; one that has not is asked each time. */
function notTooOften(check: Check): Check {
  let freshUntil = -Infinity;
  return async () => {
    if (performance.now() < freshUntil) return;
    await check();
    freshUntil = performance.now() + FRESH_MS;
  };
}
