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
 * A home is a courtesy and no lock: only the expected revision decides what lands. Where no home can
 * be had, writers race as before. Who is home, a session's advisory lock says; the server ends the
 * session when its process dies, or stands still for `STANDSTILL_MS`.
 *
 * Mail is taken by deleting it, so each ticket is decided at most once. Mail that was not taken is
 * withdrawn and decided by its sender; of mail that was taken and not answered the outcome is
 * unknown, as with an append that was not answered.
 */
import type { StreamName } from '../../contracts/streams.js';
import { StoreUnavailable } from '../event-store/port.js';
import type { Log } from '../logger.js';
import type { AccountResult, Ticket } from './decide-batch.js';
import { openHome, type Home } from './home.js';
import { openLetterbox, type Letter } from './letterbox.js';
import { readTickets, writeTickets, type Settled } from './mail.js';
import { openHomeConnections } from './home-connections.js';

export type Submit = (ticket: Ticket) => Promise<AccountResult>;

export interface Homes {
  /** A race for the account was lost. */
  contend(stream: StreamName): void;
  /**
   * Has the tickets decided where the account is at home. Undefined, at once or in the end: decide
   * them here. `submit` is given the tickets of others when this process becomes the home.
   */
  settle(
    stream: StreamName,
    tickets: readonly Ticket[],
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
  /** When it was last seen whether nobody is home, by whichever of the letters that wait. */
  lookedAt: number;
}

interface Post {
  readonly letter: Letter;
  readonly text: string;
  readonly tickets: readonly Ticket[];
}

/** Accounts that are at home in one process at once; each takes a connection. */
const HOMES_MAX = 4;
/** No answer for so long, and it is seen whether the home still lives. */
const PATIENCE_MS = 300;
/** Nobody waits longer. It leaves time to find that a home stands still, and another one. */
const DEADLINE_MS = 2_500;
/** A home that answered so lately need not be looked for. */
const FRESH_MS = 1_000;
/** While the database is away, nobody waits for it again and again. */
const REST_MS = 5_000;

export function openPostgresHomes({ url, log, instance }: HomesOptions): Homes {
  const connections = openHomeConnections(url, HOMES_MAX);
  const places = new Map<StreamName, Place>();
  const homes = new Set<Home>();
  /** Mail that was taken. */
  const answering = new Set<Promise<void>>();
  const letterbox = openLetterbox({
    connections,
    instance,
    onMail: (stream) => places.get(stream)?.home?.wake(),
  });
  let restUntil = -Infinity;

  /** False when another process is home. Throws outages. */
  async function beHome(stream: StreamName, place: Place, submit: Submit): Promise<boolean> {
    if (performance.now() - place.lookedAt < PATIENCE_MS) return false;
    place.lookedAt = performance.now();
    if (!(await connections.isFree(stream))) return false;
    const session = await connections.lock(stream, letterbox.channel);
    if (!session) return false;
    const onMail = (channel: string, id: string, text: string) => {
      readTickets(text).forEach((ticket, index) => {
        const answered = submit(ticket).then(
          (result) => letterbox.answer(channel, id, index, { result }),
          (error: Error) => letterbox.answer(channel, id, index, { error }),
        );
        answering.add(answered);
        void answered.finally(() => answering.delete(answered));
      });
    };
    const home = openHome({ session, onMail, onError: rest });
    place.home = home;
    homes.add(home);
    void home.ended.then((isQuiet) => {
      homes.delete(home);
      Object.assign(place, { home: undefined, heardAt: -Infinity, lookedAt: -Infinity });
      if (isQuiet) places.delete(stream);
    });
    return true;
  }

  async function settleElsewhere(
    stream: StreamName,
    place: Place,
    tickets: readonly Ticket[],
    submit: Submit,
  ): Promise<readonly Settled[] | undefined> {
    try {
      await letterbox.listen();
      const isLookedFor = performance.now() - place.heardAt > FRESH_MS;
      if (isLookedFor && (homes.size >= HOMES_MAX || (await beHome(stream, place, submit))))
        return undefined;
      const text = writtenOrUndefined(tickets);
      if (text === undefined) return undefined;
      const letter = letterbox.open(tickets.length);
      return await ask(stream, place, { letter, text, tickets }, submit);
    } catch (error) {
      rest(error);
      return undefined;
    }
  }

  async function ask(
    stream: StreamName,
    place: Place,
    { letter, text, tickets }: Post,
    submit: Submit,
  ): Promise<readonly Settled[] | undefined> {
    const deadline = performance.now() + DEADLINE_MS;
    const { channel } = letterbox;
    try {
      let isAnswerable = await connections.post({ id: letter.id, stream, channel, text });
      for (;;) {
        const settled = isAnswerable ? await letter.answered(PATIENCE_MS) : undefined;
        if (settled) place.heardAt = performance.now();
        if (settled) return settled;
        isAnswerable = true;
        const isLate = performance.now() > deadline;
        const isHere =
          place.home ?? (homes.size < HOMES_MAX && (await beHome(stream, place, submit)));
        if ((isLate || isHere) && (await connections.withdraw(letter.id))) return undefined;
        if (isLate) return unknown(tickets);
      }
    } catch (error) {
      // The mail may have been posted, and taken.
      rest(error);
      return unknown(tickets);
    } finally {
      letter.close();
    }
  }

  function rest(error: unknown): void {
    restUntil = performance.now() + REST_MS;
    log.warn({ err: error }, 'contested accounts have no home');
  }

  return {
    contend(stream) {
      if (!places.has(stream))
        places.set(stream, { home: undefined, heardAt: -Infinity, lookedAt: -Infinity });
    },
    settle(stream, tickets, submit) {
      const place = places.get(stream);
      place?.home?.isUsed();
      const isHere = !place || place.home || performance.now() < restUntil;
      return isHere ? undefined : settleElsewhere(stream, place, tickets, submit);
    },
    async close() {
      await Promise.all([...homes].map((home) => home.close()));
      await Promise.all(answering);
      await letterbox.close();
      await connections.close();
    },
  };
}

/** A ticket that cannot be written is left to the writer, who tells it from its neighbours. */
function writtenOrUndefined(tickets: readonly Ticket[]): string | undefined {
  try {
    return writeTickets(tickets);
  } catch {
    return undefined;
  }
}

const unknown = (tickets: readonly Ticket[]): readonly Settled[] =>
  tickets.map(() => ({
    error: new StoreUnavailable('the process that decides for this account did not answer'),
  }));
