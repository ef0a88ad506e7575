/**
 * What the accounts at providers may still be asked for. Of each limit this process has a share
 * (infra/limit-shares), which it renews every second while it uses it, and spends from a bucket.
 *
 *   no share ──► needed: renewed at once ──► spent ──► at its limit: executions wait, as for a slot
 *      ▲                                      │   ▲           │
 *      └──── not needed for a while ◄─────────┘   └── refills ┘
 *
 * Over any minute N processes together ask for at most limit × 1.1 + N. While the store of shares
 * is away, a process goes on with its last share; without one, calls wait. An account that said 429
 * rests by itself, as long as another one of the provider does not.
 */
import type { Account, Provider } from '../../contracts/catalogue/catalogue.js';
import type { Usage } from '../../contracts/events/execution.js';
import { BYTES_PER_TOKEN } from '../../domain/pricing/input-tokens.js';
import { pause } from '../../infra/concurrency/pause.js';
import type { LimitShares } from '../../infra/limit-shares/port.js';
import type { Log } from '../../infra/logger.js';
import { adopt, freeIn, roomIn, spend, wishesOf, type Meters } from './limit-meters.js';

/** One call of an account; ended once. */
export interface Permit {
  readonly account: string;
  /** The tokens that it used; its estimate stays taken where nobody knows. */
  end(tokens?: number): void;
  /** It said 429; whether another account of the provider takes calls. */
  rest(forMs: number): boolean;
}

export interface AccountLimits {
  /** Whether a call of so many tokens may be made now. */
  hasRoom(provider: Provider, tokens: number): boolean;
  /** Whether another call may be begun beside so many that are about to be. */
  takesMore(provider: Provider, reserved: number): boolean;
  /** The account with the greatest free share, or the named one; undefined where there are none. */
  take(provider: Provider, tokens: number, account?: string): Permit | undefined;
  /** Calls back when a provider may be asked for more. */
  onRoom(listener: (provider: string) => void): void;
  /** One renewal of what is used. */
  renew(): Promise<void>;
  run(signal: AbortSignal): Promise<void>;
}

interface Options {
  readonly shares: LimitShares;
  readonly instance: string;
  readonly log: Pick<Log, 'info' | 'warn' | 'debug'>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

interface Limits extends Options {
  readonly meters: Meters;
  readonly calls: Map<string, CallsOfAccount>;
  listener: (provider: string) => void;
  renewedMs: number;
  renewing: Promise<void> | undefined;
  isAway: boolean;
}

interface CallsOfAccount {
  inFlight: number;
  restsUntilMs: number;
}

const RENEW_MS = 1_000;
/** A process that is gone leaves its shares to others after this time. */
const SHARE_MS = 5_000;

export function openAccountLimits(options: Options): AccountLimits {
  const limits: Limits = {
    ...options,
    meters: new Map(),
    calls: new Map(),
    listener: () => undefined,
    renewedMs: options.now(),
    renewing: undefined,
    isAway: false,
  };
  return {
    hasRoom: ({ slug, accounts }, tokens) =>
      !accounts || accounts.some((account) => fits(limits, slug, account, { requests: 1, tokens })),
    takesMore({ slug, accounts }, reserved) {
      if (!accounts) return true;
      const requests = Math.floor(reserved / accounts.length) + 1;
      return accounts.some((account) => fits(limits, slug, account, { requests, tokens: 1 }));
    },
    take: (provider, tokens, name) => take(limits, provider, tokens, name),
    onRoom: (heard) => (limits.listener = heard),
    renew: () => renew(limits),
    run: (signal) => run(limits, signal),
  };
}

/** What a text is counted as before a provider has counted it. */
export const tokensOf = ({ inputTokens = 0, outputTokens = 0 }: Usage): number =>
  Math.ceil(inputTokens / BYTES_PER_TOKEN) + outputTokens;

function fits(
  limits: Limits,
  slug: string,
  account: Account,
  amounts: Parameters<typeof roomIn>[3],
): boolean {
  const nowMs = limits.now();
  if (callsOf(limits, slug, account).restsUntilMs > nowMs) return false;
  const { hasRoom, isKnown } = roomIn(limits.meters, slug, account, amounts, nowMs);
  if (!isKnown) void renew(limits);
  return hasRoom;
}

function take(
  limits: Limits,
  { slug, accounts = [] }: Provider,
  tokens: number,
  name: string | undefined,
): Permit | undefined {
  const { meters, now } = limits;
  const freeOf = (account: Account) => freeIn(meters, slug, account, now());
  const byRoom = (a: Account, b: Account) =>
    freeOf(b) - freeOf(a) || callsOf(limits, slug, a).inFlight - callsOf(limits, slug, b).inFlight;
  const fitting = accounts.filter((one) => fits(limits, slug, one, { requests: 1, tokens }));
  const freest = (fitting.length > 0 ? fitting : accounts).toSorted(byRoom)[0];
  const account = accounts.find((one) => one.name === name) ?? freest;
  if (!account) return undefined;
  spend(meters, slug, account, { requests: 1, tokens }, now());
  const own = callsOf(limits, slug, account);
  own.inFlight += 1;
  return {
    account: account.name,
    end(used = tokens) {
      own.inFlight -= 1;
      if (used !== tokens)
        spend(meters, slug, account, { requests: 0, tokens: used - tokens }, now());
    },
    rest(forMs) {
      own.restsUntilMs = Math.max(own.restsUntilMs, now() + forMs);
      return accounts.some((other) => callsOf(limits, slug, other).restsUntilMs <= now());
    },
  };
}

function callsOf({ calls }: Limits, slug: string, { name }: Account): CallsOfAccount {
  const key = `${slug}/${name}`;
  const known = calls.get(key) ?? { inFlight: 0, restsUntilMs: 0 };
  calls.set(key, known);
  return known;
}

const renew = (limits: Limits): Promise<void> =>
  (limits.renewing ??= renewOnce(limits).finally(() => (limits.renewing = undefined)));

/** Never rejects. What is needed in the same turn is asked for together. */
async function renewOnce(limits: Limits): Promise<void> {
  await Promise.resolve();
  const { shares, instance, meters, log, now } = limits;
  const wishes = wishesOf(meters, now() - limits.renewedMs, now());
  limits.renewedMs = now();
  if (wishes.length === 0) return;
  try {
    const roomy = adopt(meters, await shares.renew(instance, wishes, SHARE_MS), now());
    if (limits.isAway) log.info({}, 'shares of limits are renewed again');
    limits.isAway = false;
    for (const provider of roomy) limits.listener(provider);
  } catch (err) {
    if (!limits.isAway)
      log.warn({ err }, 'shares of limits cannot be renewed; the last ones hold on');
    limits.isAway = true;
  }
}

async function run(limits: Limits, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await renew(limits);
    await pause(RENEW_MS, signal);
  }
  const { shares, instance, log } = limits;
  await shares
    .giveBack(instance)
    .catch((err: unknown) => log.debug({ err }, 'shares of limits run out by themselves'));
}
