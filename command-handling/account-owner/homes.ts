/**
 * Homes of contested accounts. When several processes write to one account, every writer but one
 * loses each race, and what it decided is work for nothing. So one of them becomes the account's
 * home, and the others send it their tickets, which it decides together with its own.
 *
 *   lost race ─► contested ─┬─► nobody is home: be it ──► take mail, decide, answer ─┐
 *                           └─► somebody is: post mail ─┬─► answered                 │ nobody else
 *                                                       ├─► home is gone: be it      │ writes any
 *                                                       └─► no answer: see below     ▼ more: alone
 *
 * A home is a courtesy and no lock: only the expected revision decides what lands. Where none can
 * be had, writers race as before. Who is home, a session's advisory lock says; the server ends the
 * session when its process dies, or stands still for `STANDSTILL_MS`.
 *
 * Mail is taken by deleting it, so each ticket is decided at most once. Mail that was not taken is
 * withdrawn and decided by its sender; of mail that was taken and not answered the outcome is
 * unknown, as with an append that was not answered.
 */
import type { StreamName } from '../../contracts/streams.js';
import { StoreUnavailable } from '../../infra/event-store/port.js';
import type { Log } from '../../infra/logger.js';
import type { AccountResult, QueuedCommand } from '../accounts/decide-batch.js';
import { openHome, type Home } from './home.js';
import { openLetterbox, type Letter, type Letterbox } from './letterbox.js';
import { readTickets, writeTickets, type Settled } from './mail.js';
import { openHomeConnections, type HomeConnections } from './home-connections.js';

export type Submit = (ticket: QueuedCommand) => Promise<AccountResult>;

export interface Homes {
  /** A race for the account was lost. */
  contend(stream: StreamName): void;
  /** This process decides for the account, and for others. */
  isHere(stream: StreamName): boolean;
  /**
   * Has the tickets decided where the account is at home. Undefined, at once or in the end: decide
   * them here. `submit` is given the tickets of others when this process becomes the home.
   */
  settle(
    stream: StreamName,
    tickets: readonly QueuedCommand[],
    submit: Submit,
  ): Promise<readonly Settled[] | undefined> | undefined;
  close(): Promise<void>;
}

interface HomesOptions {
  readonly url: string;
  readonly log: Pick<Log, 'warn'>;
  /** Names this process among the living. */
  readonly instance: string;
}

/** What is known of where a contested account is at home. */
interface Place {
  home: Home | undefined;
  /** When another process last answered as its home. */
  heardAt: number;
  /** Until then the home looks for mail without being woken. */
  awakeUntil: number;
  /** When it was last seen whether nobody is home, by whichever of the letters that wait. */
  lookedAt: number;
}

interface Post {
  readonly letter: Letter;
  readonly text: string;
  readonly tickets: readonly QueuedCommand[];
}

/** Accounts that are at home in one process at once; each takes a connection. */
const HOMES_MAX = 4;
/** No answer for so long, and it is seen whether the home still lives. */
const PATIENCE_MS = 300;
/** Nobody waits longer. It leaves time to find that a home stands still, and another one. */
const DEADLINE_MS = 2_500;
/** A home that answered so lately need not be looked for. */
const FRESH_MS = 1_000;
/** Less than a home that has just said so stays awake. */
const AWAKE_MS = 25;
/** While the database is away, nobody waits for it again and again. */
const REST_MS = 5_000;

const NOTHING_KNOWN = { heardAt: -Infinity, awakeUntil: -Infinity, lookedAt: -Infinity };

/** What one process knows of homes, its own and others'. */
interface Realm {
  readonly connections: HomeConnections;
  readonly letterbox: Letterbox;
  /** Accounts that are at home here. */
  readonly homes: Set<Home>;
  /** Mail that was taken. */
  readonly answering: Set<Promise<void>>;
  readonly places: Map<StreamName, Place>;
  /** The database is away: writers race for a while. */
  readonly rest: (error: unknown) => void;
  /** Its sender will not know what became of it. */
  readonly unreadable: (error: unknown) => void;
  /** No new homes. */
  isClosed: boolean;
}

/** One account, and who decides for it here. */
interface Contested {
  readonly stream: StreamName;
  readonly place: Place;
  readonly submit: Submit;
}

export function openPostgresHomes({ url, log, instance }: HomesOptions): Homes {
  const connections = openHomeConnections(url, HOMES_MAX);
  const places = new Map<StreamName, Place>();
  const onMail = (stream: StreamName) => places.get(stream)?.home?.wake();
  const letterbox = openLetterbox({ connections, instance, onMail });
  let restUntil = -Infinity;
  const realm: Realm = {
    ...{ connections, letterbox, places, homes: new Set(), answering: new Set() },
    rest(error) {
      restUntil = performance.now() + REST_MS;
      log.warn({ err: error }, 'contested accounts have no home');
    },
    unreadable: (error) => log.warn({ err: error }, 'mail for an account cannot be read'),
    isClosed: false,
  };
  return {
    contend(stream) {
      if (places.has(stream)) return;
      places.set(stream, { home: undefined, ...NOTHING_KNOWN });
    },
    isHere: (stream) => places.get(stream)?.home !== undefined,
    settle(stream, tickets, submit) {
      const place = places.get(stream);
      place?.home?.isUsed();
      const isHere = !place || place.home || performance.now() < restUntil;
      return isHere ? undefined : settleElsewhere(realm, { stream, place, submit }, tickets);
    },
    async close() {
      realm.isClosed = true;
      await Promise.all([...realm.homes].map((home) => home.close()));
      await Promise.all(realm.answering);
      await letterbox.close();
      await connections.close();
    },
  };
}

async function settleElsewhere(
  realm: Realm,
  account: Contested,
  tickets: readonly QueuedCommand[],
): Promise<readonly Settled[] | undefined> {
  const { letterbox } = realm;
  try {
    await letterbox.listen();
    const isLookedFor = performance.now() - account.place.heardAt > FRESH_MS;
    if (isLookedFor && (isFull(realm) || (await beHome(realm, account)))) return undefined;
    const text = writtenOrUndefined(tickets);
    if (text === undefined) return undefined;
    const letter = letterbox.open(tickets.length);
    return await ask(realm, account, { letter, text, tickets });
  } catch (error) {
    realm.rest(error);
    return undefined;
  }
}

const isFull = ({ homes }: Realm): boolean => homes.size >= HOMES_MAX;

async function ask(
  realm: Realm,
  account: Contested,
  { letter, text, tickets }: Post,
): Promise<readonly Settled[] | undefined> {
  const { connections, letterbox } = realm;
  const { stream, place } = account;
  const deadline = performance.now() + DEADLINE_MS;
  const { channel } = letterbox;
  try {
    const isAsleep = performance.now() > place.awakeUntil;
    let isAnswerable = await connections.post({ id: letter.id, stream, channel, text, isAsleep });
    for (;;) {
      const settled = isAnswerable ? await letter.answered(PATIENCE_MS) : undefined;
      if (settled) place.heardAt = performance.now();
      if (settled && letter.isFromAwake) place.awakeUntil = place.heardAt + AWAKE_MS;
      if (settled) return settled;
      isAnswerable = true;
      const isLate = performance.now() > deadline;
      const isHere = place.home ?? (!isFull(realm) && (await beHome(realm, account)));
      if ((isLate || isHere) && (await connections.withdraw(letter.id))) return undefined;
      if (isLate) return unknown(tickets);
    }
  } catch (error) {
    // The mail may have been posted, and taken.
    realm.rest(error);
    return unknown(tickets);
  } finally {
    letter.close();
  }
}

/** False when another process is home. Throws outages. */
async function beHome(realm: Realm, account: Contested): Promise<boolean> {
  const { connections, letterbox, homes, places, rest } = realm;
  const { stream, place } = account;
  if (performance.now() - place.lookedAt < PATIENCE_MS) return false;
  place.lookedAt = performance.now();
  if (!(await connections.isFree(stream))) return false;
  const session = await connections.lock(stream, letterbox.channel);
  if (!session) return false;
  if (realm.isClosed) {
    await session.end();
    return false;
  }
  const home = openHome({ session, onMail: mailTaker(realm, account), onError: rest });
  place.home = home;
  homes.add(home);
  void home.ended.then((isQuiet) => {
    homes.delete(home);
    Object.assign(place, { home: undefined, ...NOTHING_KNOWN });
    if (isQuiet) places.delete(stream);
  });
  return true;
}

/** Has others' tickets decided here, and answers each. */
function mailTaker({ letterbox, answering, unreadable }: Realm, { submit, place }: Contested) {
  const isAwake = () => place.home?.isAwake === true;
  return (channel: string, id: string, text: string): void => {
    ticketsIn(text, unreadable).forEach((ticket, index) => {
      const answered = submit(ticket).then(
        (result) => letterbox.answer({ channel, id }, index, { result }, isAwake()),
        (error: Error) => letterbox.answer({ channel, id }, index, { error }, isAwake()),
      );
      answering.add(answered);
      void answered.finally(() => answering.delete(answered));
    });
  };
}

/** A process of another release may write what this one does not read: that is no end of a home. */
function ticketsIn(text: string, unreadable: (error: unknown) => void): readonly QueuedCommand[] {
  try {
    return readTickets(text);
  } catch (error) {
    unreadable(error);
    return [];
  }
}

/** A ticket that cannot be written is left to the writer, who tells it from its neighbours. */
function writtenOrUndefined(tickets: readonly QueuedCommand[]): string | undefined {
  try {
    return writeTickets(tickets);
  } catch {
    return undefined;
  }
}

const unknown = (tickets: readonly QueuedCommand[]): readonly Settled[] =>
  tickets.map(() => ({
    error: new StoreUnavailable('the process that decides for this account did not answer'),
  }));
