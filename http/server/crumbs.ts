/**
 * Bodies that come in too many small pieces. One has cost milliseconds before it is known as such,
 * and 64 KB of them are parsed at once. So nothing more of its connection is read, and such
 * connections are ended one after another: whoever waits for that before he sends the next takes
 * little of the process, and never all of it at once.
 */
import type { IncomingMessage } from 'node:http';

/**
 * A piece costs about a microsecond, whatever its size, and a megabyte of them arrives at once. A
 * small body may come byte by byte; a large one has 64 bytes a piece.
 */
export const isCrumbled = (pieces: number, bytes: number): boolean => pieces > 2_048 + bytes / 64;

/** Resolves when the connection may be ended; what still comes of the body is dropped unseen. */
export function endOfCrumbs(incoming: IncomingMessage): Promise<void> {
  // Node asks whether there is room for more, for each piece that it has parsed.
  incoming.push = () => false;
  return apart();
}

/** Whoever waits is let go one at a time, so far apart that nobody waits for much too long. */
export function openApart(apartMs: number, waitMsMax: number): () => Promise<void> {
  const waiting: (() => void)[] = [];
  const letGoLater = () => {
    setTimeout(letGo, Math.min(apartMs, waitMsMax / waiting.length)).unref();
  };
  const letGo = () => {
    waiting.shift()?.();
    if (waiting.length > 0) letGoLater();
  };
  return () =>
    new Promise((resolve) => {
      waiting.push(resolve);
      if (waiting.length === 1) letGoLater();
    });
}

/** A tenth of the process where one costs ten milliseconds. */
const APART_MS = 100;
const WAIT_MS_MAX = 1_500;

const apart = openApart(APART_MS, WAIT_MS_MAX);
