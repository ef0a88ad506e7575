/** What the double can be told to do wrong, at its start and while it runs. */

export interface User {
  readonly password: string;
  readonly groups?: readonly string[];
}

/**
 * How often a fault strikes: the next so many times, every time, or each time with that chance.
 * Doses end with the process; a restarted double is healthy again.
 */
export type Dose = number | 'every' | { readonly chance: number };

export interface Behaviour {
  /**
   * Now and then what was written is not indexed for a while: nothing of it is answered or read,
   * and a repetition of it is dropped without a word. It is all answered when the stall is over.
   */
  readonly stall?: Stall;
  /** So long the server waits for an append to be indexed; then it answers that it timed out. */
  readonly giveUpMs?: number;
  /**
   * So long a server that is told to end (SIGTERM) keeps the connections that are open; new ones
   * are refused, appends are answered as by a server that is not ready, subscriptions are silent.
   */
  readonly graceMs?: number;
  /** Every answer to an append waits this long after the append landed. */
  readonly delayMs?: number;
  /** The append lands and is never answered. */
  readonly commitThenSilence?: Dose;
  /** The append is swallowed: nothing lands, nothing is answered. */
  readonly silence?: Dose;
  /** The append is answered as a server with full queues answers it; nothing lands. */
  readonly busy?: Dose;
  /** The call (append, read, subscription) is refused as by a server that is not ready. */
  readonly refuse?: Dose;
  /** The append is answered as by a server that ends, or that elects its leader. */
  readonly notReady?: Dose;
  /** The append is answered as by a follower, which names this same server as the leader. */
  readonly notLeader?: Dose;
  /** A restart forgets which event ids were written lately, as the real server does. */
  readonly forgetIdsOnRestart?: boolean;
  /** The version that it says it is, and behaves as; `server-versions.ts` has the differences. */
  readonly serverVersion?: string;
  /** Who may call, with which password; without any everybody may do everything. */
  readonly users?: Readonly<Record<string, User>>;
  /** In a cluster: how long until the others notice that a node is frozen. */
  readonly noticeMs?: number;
  /** In a cluster: how long an election takes, in which nobody leads. */
  readonly electionMs?: number;
  /** What an event costs that is looked at and not sent, in microseconds. */
  readonly passMicros?: number;
  /** The largest append, by the server's own way of counting. */
  readonly appendBytesMax?: number;
  /** The largest event, counted alike; servers before 24.10.4 have none. */
  readonly eventBytesMax?: number;
  /** A statistics event is written to $all after so many appends; 0 for none. */
  readonly appendsPerSystemEvent?: number;
}

/** `forMs` at the end of each `everyMs`; never when that is 0. */
export interface Stall {
  readonly everyMs: number;
  readonly forMs: number;
}

/** What a restart keeps: everything but the doses. */
export const SETTINGS = [
  'stall',
  'giveUpMs',
  'graceMs',
  'delayMs',
  'forgetIdsOnRestart',
  'serverVersion',
  'passMicros',
  'users',
  'noticeMs',
  'electionMs',
  'appendBytesMax',
  'eventBytesMax',
  'appendsPerSystemEvent',
] as const satisfies readonly (keyof Behaviour)[];

const DEFAULTS: Required<Behaviour> = {
  stall: { everyMs: 0, forMs: 0 },
  giveUpMs: 2_000,
  graceMs: 5_000,
  delayMs: 0,
  commitThenSilence: 0,
  silence: 0,
  busy: 0,
  refuse: 0,
  notReady: 0,
  notLeader: 0,
  forgetIdsOnRestart: true,
  serverVersion: '23.10.6',
  passMicros: 1,
  users: {},
  noticeMs: 1_500,
  electionMs: 1_000,
  appendBytesMax: 1024 * 1024,
  eventBytesMax: Number.MAX_SAFE_INTEGER,
  appendsPerSystemEvent: 64,
};

export type Fault = 'commitThenSilence' | 'silence' | 'busy' | 'refuse' | 'notReady' | 'notLeader';

export interface Knobs {
  readonly now: Readonly<Required<Behaviour>>;
  /** Changes what is named and leaves the rest. */
  turn(behaviour: Behaviour): void;
  /** Whether the fault strikes now; a counted dose is one smaller afterwards. */
  strikes(fault: Fault): boolean;
}

export function openKnobs(initial: Behaviour): Knobs {
  const now: { -readonly [Name in keyof Behaviour]-?: Required<Behaviour>[Name] } = {
    ...DEFAULTS,
    ...initial,
  };
  return {
    now,
    turn: (behaviour) => void Object.assign(now, behaviour),
    strikes: (fault) => {
      const dose = now[fault];
      if (dose === 'every') return true;
      if (typeof dose === 'object') return Math.random() < dose.chance;
      if (dose <= 0) return false;
      now[fault] = dose - 1;
      return true;
    },
  };
}
