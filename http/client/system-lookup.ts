/**
 * getaddrinfo, which knows /etc/hosts, search domains and all else that the system is told, but
 * occupies one of the four threads that files and hashing share for as long as a silent DNS server
 * lets it. So it asks for one name at a time: other names wait for a bounded time, the same name is
 * asked for once, and a name that just failed fails again without being asked for.
 */

import { lookup } from 'node:dns/promises';

export interface ResolvedAddress {
  readonly address: string;
  readonly family: 4 | 6;
}

/** Rejects with the system's error when there is no address. */
export type ResolveHost = (hostname: string) => Promise<readonly ResolvedAddress[]>;

/** For its turn and the answer together. The thread stays occupied until the system gives up. */
const ANSWER_MS = 2_000;
const WAITING_MAX = 256;
const FAILED_MS = 5_000;
const FAILED_MAX = 1_000;

interface Turn {
  begin(): void;
  isOver: boolean;
}

export function openSystemLookup(ask: ResolveHost = askSystem, answerMs = ANSWER_MS): ResolveHost {
  const asked = new Map<string, Promise<readonly ResolvedAddress[]>>();
  const failed = new Map<string, number>();
  const waiting: Turn[] = [];
  let isBusy = false;

  const takeTurn = (turn: Turn): void => {
    isBusy = true;
    turn.begin();
  };
  const endTurn = (): void => {
    isBusy = false;
    for (let next = waiting.shift(); next; next = waiting.shift())
      if (!next.isOver) return takeTurn(next);
  };
  const remember = (hostname: string): void => {
    failed.delete(hostname);
    failed.set(hostname, performance.now() + FAILED_MS);
    const [oldest] = failed.keys();
    if (failed.size > FAILED_MAX && oldest !== undefined) failed.delete(oldest);
  };
  const answerFor = (hostname: string): Promise<readonly ResolvedAddress[]> =>
    new Promise((resolve, reject) => {
      const turn: Turn = {
        isOver: false,
        begin() {
          void ask(hostname).then(found, giveUp).finally(endTurn);
        },
      };
      const found = (addresses: readonly ResolvedAddress[]): void => {
        clearTimeout(deadline);
        resolve(addresses);
      };
      const giveUp = (error: Error): void => {
        clearTimeout(deadline);
        turn.isOver = true;
        remember(hostname);
        reject(error);
      };
      const deadline = setTimeout(() => giveUp(unanswered(hostname)), answerMs);
      if (isBusy) waiting.push(turn);
      else takeTurn(turn);
    });

  return async (hostname) => {
    if ((failed.get(hostname) ?? 0) > performance.now()) throw unanswered(hostname);
    const known = asked.get(hostname);
    if (known) return known;
    if (waiting.length >= WAITING_MAX) throw unanswered(hostname);
    const answer = answerFor(hostname).finally(() => asked.delete(hostname));
    asked.set(hostname, answer);
    return answer;
  };
}

const unanswered = (hostname: string): Error =>
  Object.assign(new Error(`the system has no address of ${hostname} now`), { code: 'EAI_AGAIN' });

async function askSystem(hostname: string): Promise<ResolvedAddress[]> {
  const found = await lookup(hostname, { all: true, verbatim: true });
  return found.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 }));
}
