/** The subscriptions of a server, each of which reads the log at its own pace. */
import type { Knobs } from './behaviour.js';
import type { NodeState } from './node-state.js';
import { openOutbox, type ReadCall } from './outbox.js';
import { waysOf } from './server-versions.js';
import type { Source } from './sources.js';
import { consumerTooSlow, type Refusal } from './statuses.js';
import { subscriberOf, type Start, type Step } from './subscribers.js';
import type { Store } from './store.js';

export interface Subscriptions {
  readonly count: number;
  begin(call: ReadCall, source: Source, start: Start): void;
  /** Drops all of them as slow consumers; answers with how many there were. */
  drop(): number;
}

interface Pump {
  run(): void;
  end(refusal: Refusal): void;
}

export function openSubscriptions(store: Store, knobs: Knobs, node: NodeState): Subscriptions {
  const pumps = new Set<Pump>();
  store.onVisible(() => {
    for (const pump of pumps) pump.run();
  });
  return {
    get count() {
      return pumps.size;
    },
    begin: (call, source, start) => {
      const ways = waysOf(knobs.now.serverVersion);
      const pump = openPump(call, { source, start, node, ways }, () => pumps.delete(pump));
      pumps.add(pump);
      pump.run();
    },
    drop: () => {
      const dropped = [...pumps];
      for (const pump of dropped) pump.end(consumerTooSlow('live'));
      return dropped.length;
    },
  };
}

type Pumped = Omit<Parameters<typeof subscriberOf>[0], 'outbox'>;

/** Takes the steps of a subscriber as fast as its call takes messages. */
function openPump(call: ReadCall, pumped: Pumped, ended: () => void): Pump {
  const outbox = openOutbox(call, () => run());
  const subscriber = subscriberOf({ ...pumped, outbox });
  let isOver = false;
  let isPausing = false;
  let step: Step;

  const over = () => {
    isOver = true;
    ended();
  };
  const end = (refusal: Refusal) => {
    if (isOver) return;
    over();
    call.emit('error', refusal);
  };
  const pause = (ms: number) => {
    isPausing = true;
    setTimeout(() => {
      isPausing = false;
      run();
    }, ms);
  };
  /** The step behind the last message is known before there is room for that. */
  const advance = () => {
    while (!isOver && !isPausing) {
      step ??= subscriber.steps.next().value ?? undefined;
      if (step === undefined) return;
      if (typeof step === 'number') pause(step);
      else if (!Buffer.isBuffer(step)) return end(step);
      else if (outbox.isFull) return;
      else outbox.push(step);
      step = undefined;
    }
  };
  const run = () => {
    if (isOver) return;
    const isMore = subscriber.offer();
    advance();
    if (isMore) setImmediate(run);
  };

  for (const event of ['cancelled', 'close', 'error'] as const) call.on(event, over);
  return { run, end };
}
