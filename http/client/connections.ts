/**
 * The connections to other servers: at most `perOriginMax` calls to one origin at a time, the
 * others wait their turn, first come first served. A slow host keeps only its own callers waiting.
 *
 * Each connection carries one call at a time and is closed when a call on it ends badly, so a call
 * that gives up leaves nothing behind: no queued request, no reconnect, no half-read answer.
 *
 *   connecting ──► in use ──► idle ──► heard out ──► in use …
 *
 * heard out: what the other side has sent to an idle connection is read before the next call is
 * written to it, so that none is written to one whose end has already arrived. The connection that
 * rested least is taken first, and none that rested longer than its server is known to keep one.
 */

import { expectHead } from './answer-head.js';
import { openConnection, untakenFrom } from './connection.js';
import type { Connection, ConnectionOptions } from './connection.js';
import type { ConnectionSource, Lease } from './exchange.js';
import { KeptTime } from './kept-time.js';

export interface Connections {
  to(origin: string): ConnectionSource;
  /** Calls that were asked for go on; each connection is closed after its last. */
  retire(): void;
  isInUse(): boolean;
  /** Ends every call in flight; a lease taken afterwards holds a dead connection. */
  close(): Promise<void>;
}

type Start = (lease: Lease) => void;

interface Waiting {
  readonly start: Start;
  readonly isFresh: boolean;
}

interface Origin {
  readonly url: string;
  busy: number;
  /** The one that rested longest first. */
  readonly idle: Connection[];
  readonly waiting: Set<Waiting>;
}

export const openConnections = (perOriginMax: number, options: ConnectionOptions): Connections =>
  new OpenConnections(perOriginMax, options);

/** Servers whose habits are remembered; the longest known is forgotten first. */
const KEPT_TIMES_MAX = 10_000;

class OpenConnections implements Connections {
  private readonly origins = new Map<string, Origin>();
  private readonly connections = new Set<Connection>();
  private readonly keptTimes = new Map<string, KeptTime>();
  private keepsIdle = true;
  private isClosed = false;

  constructor(
    private readonly perOriginMax: number,
    private readonly options: ConnectionOptions,
  ) {}

  to(url: string): ConnectionSource {
    return { lease: (start, isFresh = false) => this.lease(url, start, isFresh) };
  }

  retire(): void {
    this.keepsIdle = false;
    for (const origin of this.origins.values())
      for (const connection of [...origin.idle]) this.discard(origin, connection);
  }

  isInUse(): boolean {
    return this.connections.size > 0;
  }

  async close(): Promise<void> {
    this.retire();
    this.isClosed = true;
    await Promise.all([...this.connections].map(({ client }) => client.destroy()));
  }

  private lease(url: string, start: Start, isFresh: boolean): () => void {
    const origin = this.origins.get(url) ?? { url, busy: 0, idle: [], waiting: new Set() };
    this.origins.set(url, origin);
    const waiting: Waiting = { start, isFresh };
    if (origin.busy === this.perOriginMax) {
      origin.waiting.add(waiting);
      return () => origin.waiting.delete(waiting);
    }
    origin.busy += 1;
    this.grant(origin, waiting);
    return () => undefined;
  }

  private grant(origin: Origin, waiting: Waiting): void {
    const rested = waiting.isFresh ? undefined : this.takeRested(origin);
    if (!rested) return this.begin(this.connect(origin), origin, waiting.start);
    if (restOf(rested, performance.now()) < HEARD_MS)
      return this.begin(rested, origin, waiting.start);
    hearOut(() => {
      if (rested.isOver) this.grant(origin, waiting);
      else this.begin(rested, origin, waiting.start);
    });
  }

  private takeRested({ url, idle }: Origin): Connection | undefined {
    const [oldest] = idle;
    const newest = idle.at(-1);
    if (!oldest || !newest) return undefined;
    const nowMs = performance.now();
    const kept = this.keptTimeOf(url);
    kept.lived(restOf(oldest, nowMs));
    return kept.mayServe(restOf(newest, nowMs), nowMs) ? idle.pop() : undefined;
  }

  private begin(connection: Connection, origin: Origin, start: Start): void {
    if (connection.socket) expectHead(connection.socket);
    start({
      dispatcher: connection.client,
      isReused: connection.restsSinceMs !== undefined,
      isUntaken: untakenFrom(connection),
      release: (keep) => this.release(origin, connection, keep),
    });
  }

  private release(origin: Origin, connection: Connection, keep: boolean): void {
    if (keep && this.keepsIdle && !connection.isOver) this.rest(origin, connection);
    else this.discard(origin, connection);
    const [next] = origin.waiting;
    if (next) {
      origin.waiting.delete(next);
      // Later, because when a whole queue fails at once each failure would nest in the last.
      queueMicrotask(() => this.grant(origin, next));
      return;
    }
    origin.busy -= 1;
    this.forgetIfEmpty(origin);
  }

  private rest(origin: Origin, connection: Connection): void {
    connection.restsSinceMs = performance.now();
    origin.idle.push(connection);
    if (origin.idle.length + origin.busy - 1 <= this.perOriginMax) return;
    // Until it is known that the server keeps them, those that rested longest are to show it.
    const isKept = this.keptTimeOf(origin.url).mayServe(0, connection.restsSinceMs);
    this.discard(origin, isKept ? (origin.idle[0] ?? connection) : connection);
  }

  private connect(origin: Origin): Connection {
    const connection = openConnection(origin.url, this.options);
    this.connections.add(connection);
    connection.client.on('disconnect', (_url, _targets, error) => {
      connection.isOver = true;
      if (origin.idle.includes(connection)) {
        learn(this.keptTimeOf(origin.url), connection, error);
        this.discard(origin, connection);
      }
      this.forgetIfEmpty(origin);
    });
    if (this.isClosed) this.discard(origin, connection);
    return connection;
  }

  private discard(origin: Origin, connection: Connection): void {
    const index = origin.idle.indexOf(connection);
    if (index >= 0) origin.idle.splice(index, 1);
    this.connections.delete(connection);
    connection.isOver = true;
    connection.client.destroy(() => undefined);
  }

  private forgetIfEmpty(origin: Origin): void {
    if (origin.busy === 0 && origin.idle.length === 0) this.origins.delete(origin.url);
  }

  private keptTimeOf(url: string): KeptTime {
    const known = this.keptTimes.get(url);
    if (known) return known;
    const kept = new KeptTime();
    this.keptTimes.set(url, kept);
    const [first] = this.keptTimes.keys();
    if (this.keptTimes.size > KEPT_TIMES_MAX && first !== undefined) this.keptTimes.delete(first);
    return kept;
  }
}

const restOf = ({ restsSinceMs }: Connection, nowMs: number): number =>
  nowMs - (restsSinceMs ?? nowMs);

/** We close what rested for long enough, too, and say so by a code of our own client. */
function learn(kept: KeptTime, connection: Connection, error: NodeJS.ErrnoException): void {
  const nowMs = performance.now();
  if (error.code === 'UND_ERR_INFO') kept.lived(restOf(connection, nowMs));
  else kept.closed(restOf(connection, nowMs), nowMs);
}

/** What rested for less was heard a moment ago; its server keeps idle ones for much longer. */
const HEARD_MS = 10;

/** After one turn of the event loop all that has arrived by now is read. */
const hearOut = (then: () => void): void => void setImmediate(() => setImmediate(then));
