/** The accounts that this process owns: their leases are renewed while others forward commands. */
import type { StreamName } from '../../contracts/streams.js';
import { LEASE_MS, type OwnerLeases } from './owner-leases.js';

export interface OwnedAccounts {
  /** `grantedAt`: when the lease was asked for. */
  add(stream: StreamName, token: string, grantedAt: number): void;
  has(stream: StreamName): boolean;
  readonly count: number;
  /** Whether the account's lease has this token and has not ended. */
  isCurrent(stream: StreamName, token: string): boolean;
  /** A process has commands for the account. */
  isUsedBy(stream: StreamName, who: string): void;
  /** Every lease is released. */
  close(): Promise<void>;
}

interface OwnedAccountsOptions {
  readonly leases: OwnerLeases;
  /** Given up because at most one process writes to it, or lost. */
  readonly onEnd: (stream: StreamName, why: 'quiet' | 'lost') => void;
  readonly onError: (error: unknown) => void;
}

interface Owned {
  readonly token: string;
  /** A lease is renewed from then on that was asked for then, so it lasts at least until here. */
  validUntil: number;
  /** When each process that writes to the account last did. */
  readonly usedAt: Map<string, number>;
  /** When two processes last wrote to it within `QUIET_MS`. */
  sharedAt: number;
}

/** Four chances within one lease. */
const RENEW_MS = LEASE_MS / 5;
const QUIET_MS = 1_000;

export function openOwnedAccounts(options: OwnedAccountsOptions): OwnedAccounts {
  const { leases, onEnd, onError } = options;
  const owned = new Map<StreamName, Owned>();
  let timer: NodeJS.Timeout | undefined;
  let renewing: Promise<void> | undefined;

  function end(stream: StreamName, why: 'quiet' | 'lost'): void {
    owned.delete(stream);
    onEnd(stream, why);
  }

  async function renew(): Promise<void> {
    const quiet = [...owned].filter(([, account]) => isQuiet(account)).map(leaseOf);
    for (const [stream] of quiet) end(stream, 'quiet');
    if (quiet.length > 0) await leases.release(quiet);
    const kept = [...owned].map(leaseOf);
    if (kept.length === 0) return;
    const askedAt = performance.now();
    const renewed = await leases.renew(kept);
    for (const [stream, token] of kept) {
      const account = owned.get(stream);
      if (account?.token !== token) continue;
      if (renewed.has(stream)) account.validUntil = askedAt + LEASE_MS;
      else end(stream, 'lost');
    }
  }

  function tick(): void {
    renewing ??= renew()
      .catch((error: unknown) => {
        for (const [stream, { validUntil }] of owned)
          if (validUntil < performance.now()) end(stream, 'lost');
        onError(error);
      })
      .finally(() => {
        renewing = undefined;
        if (owned.size > 0) return;
        clearInterval(timer);
        timer = undefined;
      });
  }

  return {
    add(stream, token, grantedAt) {
      const validUntil = grantedAt + LEASE_MS;
      owned.set(stream, { token, validUntil, usedAt: new Map(), sharedAt: grantedAt });
      timer ??= setInterval(tick, RENEW_MS);
    },
    has: (stream) => owned.has(stream),
    get count() {
      return owned.size;
    },
    isCurrent(stream, token) {
      const account = owned.get(stream);
      return account?.token === token && performance.now() < account.validUntil;
    },
    isUsedBy: (stream, who) => void owned.get(stream)?.usedAt.set(who, performance.now()),
    async close() {
      clearInterval(timer);
      await renewing;
      const all = [...owned].map(leaseOf);
      for (const [stream] of all) end(stream, 'quiet');
      if (all.length > 0) await leases.release(all);
    },
  };
}

const leaseOf = ([stream, { token }]: [StreamName, Owned]) => [stream, token] as const;

/** Also brings `sharedAt` up to date. */
function isQuiet(account: Owned): boolean {
  const now = performance.now();
  for (const [who, at] of account.usedAt) if (now - at > QUIET_MS) account.usedAt.delete(who);
  if (account.usedAt.size > 1) account.sharedAt = now;
  return now - account.sharedAt > QUIET_MS;
}
