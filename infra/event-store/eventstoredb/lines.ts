/**
 * The line to the event store: to its only server, or to the node that leads. A new one is opened
 * when it falls silent (no answer, no FIN, no RST), when it breaks, and when the server says that
 * it is not ready or does not lead. What is under way on it then ends as unanswered, and is asked
 * again on the new line.
 *
 *   heard ──half a second without a word──► asked ──┬─ any word: heard
 *     ▲                                             ├─ 0.5 s without one: does another node lead by
 *     └── any word                                  │  now? then the line leads there ──► asked …
 *                                                   └─ 2.5 s without one: a new line ──► asked …
 *
 * (A single server is asked after a second.) A server that is silent for a moment keeps its line:
 * what was sent on it would only have to be sent again. One that refuses may still answer what it
 * was sent before: such a line is given nothing more, and ends when another node leads, or when
 * nobody waits for it any more.
 */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { within } from '../../concurrency/pause.js';
import { nameOf, type Endpoint } from './connection-string.js';
import type { Call } from './log-client.js';

interface Line<W> {
  readonly wire: W;
  readonly at: Endpoint;
}

interface LinesOptions<W> {
  /** Rejects, saying why, when there is nobody to lead a line to. */
  readonly find: (hint?: Endpoint) => Promise<Line<W>>;
  /** Another node may lead. */
  readonly isCluster: boolean;
  /** What is asked over a line, to hear whether it answers. */
  readonly ask: (wire: W) => Call;
  readonly end: (wire: W) => Promise<void>;
}

export interface Lines<W> {
  /** The present one. Rejects when there is none, saying why. */
  use(): W | Promise<W>;
  /** Something came over it. */
  readonly heard: () => void;
  /** It is broken, not ready, or not the leader's, who may have been named. */
  readonly refused: (wire: W, leader?: Endpoint) => void;
  readonly isPresent: (wire: W) => boolean;
  close(): Promise<void>;
}

const HEARTBEAT_MS = { cluster: 500, single: 1_000 };
const LOOK_AFTER_MS = 500;
const RENEW_AFTER_MS = 2_500;

/** More often would only be work for a server that starts. */
const FIND_EVERY_MS = 200;

/** Longer than anybody waits for what was sent on a line before it was refused. */
const RETIRED_MS = 2_000;

export function openLines<W>({ find, isCluster, ask, end }: LinesOptions<W>): Lines<W> {
  const retired = openRetired(end);
  let line: Line<W> | undefined;
  let finding: Promise<W> | undefined;
  let lookedAt = -Infinity;
  let hint: Endpoint | undefined;
  let isClosed = false;

  async function findAnother(): Promise<W> {
    const waitMs = lookedAt + FIND_EVERY_MS - performance.now();
    if (waitMs > 0) await sleep(waitMs);
    lookedAt = performance.now();
    if (isClosed) throw new Error('the event store is closed');
    const named = hint;
    hint = undefined;
    return take(await find(named));
  }

  function take(found: Line<W>): W {
    if (isClosed) void end(found.wire);
    else line = found;
    retired.endElsewhere(found.at);
    return found.wire;
  }

  function leave(silent: Line<W>): void {
    if (line === silent) line = undefined;
    void end(silent.wire);
  }

  const heartbeat = startHeartbeat<W>({
    present: () => line,
    isCluster,
    ask,
    renew: leave,
    async moveFrom(silent, isSilent) {
      const found = await find().catch(() => undefined);
      const isElsewhere = found && isSilent() && nameOf(found.at) !== nameOf(silent.at);
      if (isElsewhere) {
        leave(silent);
        take(found);
      } else if (found) void end(found.wire);
      return isElsewhere === true;
    },
  });

  return {
    use() {
      if (line) return line.wire;
      return (finding ??= findAnother().finally(() => (finding = undefined)));
    },
    heard: heartbeat.heard,
    refused(wire, leader) {
      if (line?.wire !== wire) return;
      hint = leader;
      retired.add(line);
      line = undefined;
    },
    isPresent: (wire) => line?.wire === wire,
    async close() {
      isClosed = true;
      heartbeat.stop();
      await Promise.all([retired.close(), line && end(line.wire)]);
    },
  };
}

/** Lines that refused: what is under way on them ends when nobody waits for it any more. */
function openRetired<W>(end: LinesOptions<W>['end']) {
  const retired = new Map<Line<W>, NodeJS.Timeout>();
  const endNow = (line: Line<W>): Promise<void> => {
    clearTimeout(retired.get(line));
    retired.delete(line);
    return end(line.wire);
  };
  return {
    add(line: Line<W>) {
      retired.set(
        line,
        setTimeout(() => void endNow(line), RETIRED_MS),
      );
    },
    /** What was sent to the leader of before is not waited for. */
    endElsewhere(leader: Endpoint) {
      for (const line of retired.keys()) if (nameOf(line.at) !== nameOf(leader)) void endNow(line);
    },
    close: () => Promise.all([...retired.keys()].map(endNow)),
  };
}

interface Heartbeat<W> extends Pick<LinesOptions<W>, 'isCluster' | 'ask'> {
  readonly present: () => Line<W> | undefined;
  readonly renew: (silent: Line<W>) => void;
  /** Whether another node leads, and the line leads there now; not when it has said a word. */
  readonly moveFrom: (silent: Line<W>, isSilent: () => boolean) => Promise<boolean>;
}

function startHeartbeat<W>({ present, isCluster, ask, renew, moveFrom }: Heartbeat<W>) {
  let isHeard = false;
  let isBeating = false;

  async function beat(): Promise<void> {
    if (isBeating) return;
    const line = present();
    if (!line || isHeard) {
      isHeard = false;
      return;
    }
    isBeating = true;
    const asked = ask(line.wire);
    await listen(line, asked.ended);
    asked.cancel();
    isBeating = false;
  }

  /** Until there is any word, or the line is another one. */
  async function listen(line: Line<W>, answered: Promise<unknown>): Promise<void> {
    const askedAt = performance.now();
    const isSilent = () => !isHeard && present() === line;
    for (;;) {
      const isAnswered = await within(LOOK_AFTER_MS, answered);
      // After a long turn of ours an answer may be there, and not have been read.
      if (!isAnswered) await nextTurn();
      if (isAnswered || !isSilent()) return;
      if (performance.now() - askedAt > RENEW_AFTER_MS) return renew(line);
      if (isCluster && (await moveFrom(line, isSilent))) return;
    }
  }

  const everyMs = isCluster ? HEARTBEAT_MS.cluster : HEARTBEAT_MS.single;
  const timer = setInterval(() => void beat(), everyMs);
  timer.unref();
  return {
    heard: () => {
      isHeard = true;
    },
    stop: () => clearInterval(timer),
  };
}
