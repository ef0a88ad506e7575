/**
 * The line to the event store, and a new one when it falls silent: no answer, no FIN, no RST. Then
 * what is under way on it ends as unanswered, and is asked again on the new line.
 *
 *   heard ──2 s without a word──► asked ──┬─ any word: heard
 *     ▲                                   └─ 1.5 s without one: a new line ──► asked again …
 *     └── any word
 *
 * So a line is renewed within 4 s; gRPC's own keep-alive would take twenty.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { within } from '../../concurrency/pause.js';
import type { Call } from './log-client.js';

interface Wire {
  getChannel(): Promise<{ close(): void }>;
  dispose(): Promise<void>;
}

interface Lines<W> {
  /** The present one. */
  use(): W;
  /** Something came over it. */
  readonly heard: () => void;
  /** What is asked over the present line, to hear whether it answers. */
  beatWith(ask: () => Call): void;
  close(): Promise<void>;
}

const HEARTBEAT_MS = 2_000;
const ANSWER_MS = 1_500;

/** `open` is given the number of the line; nothing is connected before it is used. */
export function openLines<W extends Wire>(open: (generation: number) => W): Lines<W> {
  let generation = 0;
  let wire = open(generation);
  let isUsed = false;
  let isHeard = false;
  let isBeating = false;
  let ask: (() => Call) | undefined;

  function renew(): void {
    const silent = wire;
    wire = open(++generation);
    void end(silent);
  }

  async function beat(): Promise<void> {
    if (!ask || !isUsed || isBeating || isHeard) {
      isHeard = false;
      return;
    }
    isBeating = true;
    const asked = ask();
    const isAnswered = await within(ANSWER_MS, asked.ended);
    // After a long turn of ours an answer may be there, and not have been read.
    if (!isAnswered) await nextTurn();
    if (!isAnswered && !isHeard) renew();
    asked.cancel();
    isHeard = false;
    isBeating = false;
  }

  const timer = setInterval(() => void beat(), HEARTBEAT_MS);
  timer.unref();
  return {
    use() {
      isUsed = true;
      return wire;
    },
    heard: () => {
      isHeard = true;
    },
    beatWith(asked) {
      ask = asked;
    },
    async close() {
      clearInterval(timer);
      await wire.dispose();
    },
  };
}

/** Its calls end as cancelled. */
async function end(wire: Wire): Promise<void> {
  await wire.dispose();
  (await wire.getChannel()).close();
}
