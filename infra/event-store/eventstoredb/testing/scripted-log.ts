/**
 * For specs: a log client over a list of events, which is as slow before the server's own events,
 * and as silent, as it is told. Counts what is asked of it.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { LogRow } from '../../codec.js';
import type { Position } from '../../port.js';
import type { Call, Ending, LogClient, LogHandlers, ServerFilter } from '../log-client.js';

interface Subscription {
  readonly after: Position;
  readonly on: LogHandlers;
  readonly end: (ending: Ending) => void;
}

export interface ScriptedLog {
  readonly client: LogClient;
  /** Of a stream of ours, or of the server's own; answers the position. */
  add(owner: 'ours' | 'server', count?: number): Position;
  /** Subscriptions that are open. */
  readonly subscriptions: readonly Subscription[];
  readonly asked: { reads: number; follows: number };
  /** A filtered read is silent while it goes through more than so many others' events. */
  othersMax: number;
  /** How every call ends at once; undefined while the server is well. */
  away: Ending | undefined;
}

const STEP = 100n;
const WINDOW = 512;

export function scriptedLog(): ScriptedLog {
  const rows: LogRow[] = [];
  const open = new Set<Subscription>();
  const asked = { reads: 0, follows: 0 };
  const log: ScriptedLog = {
    client: undefined as unknown as LogClient,
    add(owner, count = 1) {
      for (let n = 0; n < count; n++) rows.push(rowOf(owner, rows.length));
      return rows.at(-1)?.position ?? -1n;
    },
    get subscriptions() {
      return [...open];
    },
    asked,
    othersMax: 1_000,
    away: undefined,
  };

  const readLog: LogClient['readLog'] = ({ from, limit, filter }, row) =>
    startCall(async (isOver) => {
      asked.reads++;
      if (log.away) return log.away;
      const passes = filter === 'everything' ? () => true : passesOf(filter);
      const ordered =
        from === 'end' ? rows.toReversed() : rows.filter((one) => one.position >= from);
      let [given, others] = [0, 0];
      for (const one of ordered) {
        if (isOver() || given === limit) break;
        if (passes(one)) row(one);
        if (passes(one)) given++;
        else if (++others > log.othersMax) return undefined;
      }
      return { kind: 'done' };
    });

  const follow: LogClient['follow'] = (after, filter, on, window = WINDOW) => {
    asked.follows++;
    let subscription: Subscription | undefined;
    const call = startCall(
      async (isOver, end) => {
        if (log.away) return log.away;
        open.add((subscription = { after, on, end }));
        const passes = passesOf(filter);
        let looked = 0;
        for (const one of rows.filter(({ position }) => position > after)) {
          if (isOver()) return undefined;
          if (passes(one)) on.row(one);
          if (++looked % window !== 0) continue;
          on.checkpoint(one.position);
          await nextTurn();
        }
        on.caughtUp();
        return undefined;
      },
      () => subscription && open.delete(subscription),
    );
    return call;
  };

  const unused = () => {
    throw new Error('not asked for in this spec');
  };
  const client = { append: unused, appendInOrder: unused, readStream: unused, close: unused };
  return Object.assign(log, { client: { ...client, readLog, follow } });
}

const passesOf =
  ({ streamPrefixes, typePrefixes }: ServerFilter) =>
  ({ stream, type }: LogRow): boolean => {
    if (streamPrefixes) return streamPrefixes.some((prefix) => stream.startsWith(prefix));
    if (typePrefixes) return typePrefixes.some((prefix) => type.startsWith(prefix));
    return !type.startsWith('$');
  };

const rowOf = (owner: 'ours' | 'server', index: number): LogRow => ({
  stream: (owner === 'ours' ? 'organization-spec' : '$ce-organization') as LogRow['stream'],
  revision: index,
  position: BigInt(index) * STEP,
  id: `${index}`,
  type: owner === 'ours' ? 'OrganizationCreated' : '$>',
  data: '{}',
  metadata: '{}',
});

/** Goes on in a later turn; an undefined ending leaves the call open. */
function startCall(
  run: (isOver: () => boolean, end: (ending: Ending) => void) => Promise<Ending | undefined>,
  onEnd?: () => unknown,
): Call {
  let isOver = false;
  let end: (ending: Ending) => void = () => undefined;
  const ended = new Promise<Ending>((resolve) => {
    end = (ending) => {
      isOver = true;
      onEnd?.();
      resolve(ending);
    };
  });
  setImmediate(() => {
    const finish = (ending: Ending | undefined) => ending && end(ending);
    void run(() => isOver, end).then(finish);
  });
  return { ended, cancel: () => end({ kind: 'done' }) };
}
