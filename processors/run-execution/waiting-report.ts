/** What the waiting room reports to operators: metrics, and a row that every process can read. */
import { queueNamed } from '../../domain/routing/waiting-queue.js';
import { pause } from '../../infra/concurrency/pause.js';
import type { Circuit } from '../../domain/routing/breaker.js';
import type { RouteReport, WaitingReport } from '../../infra/process-reports/postgres.js';
import type { WaitingQueueSize } from '../../infra/waiting-executions/port.js';
import type { Room, RoomInfra } from './waiting-entry.js';

const REPORT_MS = 2_000;
/** Rows are counted less often: there may be many. */
const COUNT_EVERY = 5;
/** A report that says the same is written again so that it stays fresh. */
const AGAIN_MS = 10_000;

export async function reportUntil(
  room: Room,
  infra: RoomInfra,
  signal: AbortSignal,
): Promise<void> {
  let rows: readonly WaitingQueueSize[] = [];
  let last = { text: '', atMs: 0 };
  for (let round = 0; !signal.aborted; round += 1) {
    try {
      if (room.rows.queues().length === 0) rows = [];
      else if (round % COUNT_EVERY === 0) rows = await infra.waiting.sizes();
      const inMemory = inMemoryOf(room);
      measure(infra, room.now(), [...inMemory, ...rows.map(ofModel)]);
      const report = { providers: providersOf(room), waiting: inMemory };
      for (const { provider, slots } of report.providers)
        infra.metrics.bulkheadSlots.set({ provider }, slots);
      const text = JSON.stringify(report);
      const isIdle = text === last.text && report.providers.every(({ inUse }) => inUse === 0);
      if (text !== last.text || (!isIdle && performance.now() - last.atMs > AGAIN_MS)) {
        await infra.reports.save(infra.instance, report);
        last = { text, atMs: performance.now() };
      }
    } catch (err) {
      infra.log.warn({ err }, 'queues could not be reported; trying again');
    }
    await pause(REPORT_MS, signal);
  }
}

const ofModel = ({ queue, waiting, oldestSinceMs }: WaitingQueueSize): WaitingReport => ({
  model: queueNamed(queue).model,
  waiting,
  oldestSinceMs,
});

/** Those that have no row. */
function inMemoryOf({ entries }: Room): readonly WaitingReport[] {
  const models = new Map<string, { model: string; waiting: number; oldestSinceMs: number }>();
  for (const { queue, sinceMs, processed } of entries.values()) {
    if (!processed) continue;
    const { model } = queueNamed(queue);
    const known = models.get(model) ?? { model, waiting: 0, oldestSinceMs: sinceMs };
    known.waiting += 1;
    known.oldestSinceMs = Math.min(known.oldestSinceMs, sinceMs);
    models.set(model, known);
  }
  return [...models.values()];
}

function providersOf({ pool, slots, catalogue, now }: Room) {
  const { models, providers } = catalogue.current();
  const routes = [...models.values()].flatMap((model) => model.routes);
  const nowMs = now();
  return [...pool.health()].map(([slug, { inFlight, circuit }]) => {
    const known = providers.get(slug);
    return {
      provider: slug,
      inUse: inFlight,
      slots: known ? slots.held(known) : 0,
      ...circuitOf(circuit, nowMs),
      routes: routes.flatMap(({ name, provider }) => {
        const own = provider === slug ? pool.routes().get(name) : undefined;
        return own && own.status !== 'closed' ? [{ route: name, ...circuitOf(own, nowMs) }] : [];
      }),
    };
  });
}

function circuitOf(circuit: Circuit, nowMs: number): Omit<RouteReport, 'route'> {
  const openMs = circuit.status === 'open' ? circuit.untilMs : 0;
  const untilMs = Math.max(openMs, circuit.throttledUntilMs);
  const only = circuit.status === 'closed' ? undefined : circuit.only;
  return {
    circuit: circuit.status,
    ...(untilMs > nowMs && { restsUntilMs: untilMs }),
    ...(only !== undefined && { restsOnlyFor: only }),
  };
}

function measure(
  { metrics: { executionsWaiting, oldestWaitingSeconds } }: RoomInfra,
  nowMs: number,
  waits: readonly WaitingReport[],
): void {
  executionsWaiting.reset();
  oldestWaitingSeconds.reset();
  const oldest = new Map<string, number>();
  for (const { model, waiting, oldestSinceMs } of waits) {
    executionsWaiting.inc({ model }, waiting);
    oldest.set(model, Math.min(oldest.get(model) ?? nowMs, oldestSinceMs));
  }
  for (const [model, sinceMs] of oldest)
    oldestWaitingSeconds.set({ model }, Math.max(0, nowMs - sinceMs) / 1_000);
}
