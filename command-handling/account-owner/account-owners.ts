/**
 * Owners of contested accounts. When several processes write to one account, every writer but one
 * loses each race, and what it decided is work for nothing. So one of them becomes the account's
 * owner, and the others forward their commands to it; it decides them together with its own.
 *
 *   lost race ─► contested ─► ask for the lease ─┬─► granted: owner, until at most one writes
 *                                 ▲              └─► another's: forward ─┬─► answered
 *                                 ├─────────────── not the owner: race ◄─┤
 *                                 ├── unreachable, refused: race, rest ◄─┤
 *                                 └─ unknown: reject, race, rest ────────┘
 *
 * Ownership speeds up and does not protect: only the expected revision decides what lands. Where no
 * owner can be had, writers race as before.
 *
 * A forwarded batch is decided at most once: it is never sent twice, and its sender decides it only
 * if it was not sent or its receiver said that it will not decide it. Of a batch that was sent and
 * not answered the outcome is unknown, as with an append that was not answered.
 */
import { randomUUID } from 'node:crypto';
import type { OrganizationId } from '../../contracts/ids.js';
import type { StreamName } from '../../contracts/streams.js';
import { within } from '../../infra/concurrency/pause.js';
import { StoreOverloaded, StoreUnavailable } from '../../infra/event-store/port.js';
import type { Log } from '../../infra/logger.js';
import type { Metrics } from '../../infra/metrics.js';
import type { AccountResult, QueuedCommand } from '../accounts/decide-batch.js';
import { writeBatch, type ForwardedBatch, type Settled } from './forwarded-commands.js';
import { openForwarder, type Forwarded, type Forwarder } from './forwarder.js';
import { openInternalListener, type InternalListener } from './internal-listener.js';
import { openOwnedAccounts, type OwnedAccounts } from './owned-accounts.js';
import { openOwnerLeases, type OwnerLease, type OwnerLeases } from './owner-leases.js';
import { openRestingPeers, type RestingPeers } from './resting-peers.js';

type Submit = (organizationId: OrganizationId, queued: QueuedCommand) => Promise<AccountResult>;

export interface Forwarding {
  /** One for each command that was forwarded, from the first. Undefined: decide all here. */
  readonly settled: Promise<readonly Settled[] | undefined>;
  /** Resolves when the answer takes long: commands that wait behind are to be decided here. */
  readonly overdue: Promise<void>;
}

export interface AccountOwners {
  /** Commands that other processes forward are given to `submit`. */
  onForwarded(submit: Submit): void;
  raceLost(stream: StreamName): void;
  /** Undefined: decide them here. */
  forward(stream: StreamName, commands: readonly QueuedCommand[]): Forwarding | undefined;
  close(): Promise<void>;
}

interface AccountOwnersOptions {
  readonly url: string;
  readonly log: Pick<Log, 'warn'>;
  readonly metrics?: Pick<Metrics, 'forwardedCommands' | 'ownedAccounts'>;
  /** Names this process among the living. */
  readonly instance: string;
  /** The same in all processes of the system, and secret. */
  readonly key: string;
  /** The name or address by which other processes reach the internal listener. */
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
}

/** What is known of a contested account that another process may own. */
interface Contested {
  owner: OwnerLease | undefined;
  /** When the lease was read, or its owner last answered. */
  seenAt: number;
  /** When the lease was last asked for. */
  askedAt: number;
}

/** So many contested accounts are looked after; on others writers race. */
const CONTESTED_MAX = 1_000;
/** Without an answer for so long, the lease is read again. */
const FRESH_MS = 1_000;
/** While no owner can be used, the lease is read this often. */
const ASK_EVERY_MS = 250;
/** While the database is away, no lease is asked for. */
const DATABASE_REST_MS = 5_000;
/** So long commands wait for the lease; what is granted later serves those that come then. */
const LEASE_WAIT_MS = 150;
/** Part of `ANSWER_MS`: a batch that waits longer no longer holds up those behind it. */
const OVERDUE_MS = 500;
/** Before its sender stops waiting, less the way there and back. */
const DECIDE_MS = 1_500;

/** Rejects with the system's error when the internal address cannot be had. */
export async function openAccountOwners(options: AccountOwnersOptions): Promise<AccountOwners> {
  const { host, port, key, log } = options;
  const listener = await openInternalListener({
    host,
    port,
    key,
    decide: (batch) => owners.decide(batch),
    onError: (err) => log.warn({ err }, 'forwarded commands cannot be read'),
  });
  const owners = new OwnersOverHttp(options, listener);
  return owners;
}

class OwnersOverHttp implements AccountOwners {
  private readonly holder: string;
  private readonly peers: RestingPeers;
  private readonly forwarder: Forwarder;
  private readonly leases: OwnerLeases;
  private readonly owned: OwnedAccounts;
  private readonly contested = new Map<StreamName, Contested>();
  private submit: Submit | undefined;
  private databaseRestsUntil = -Infinity;
  private isClosed = false;

  constructor(
    private readonly options: AccountOwnersOptions,
    private readonly listener: InternalListener,
  ) {
    const { url, log, instance, key } = options;
    this.holder = `${instance}_${randomUUID().slice(0, 8)}`;
    this.peers = openRestingPeers(log);
    this.forwarder = openForwarder({ key });
    this.leases = openOwnerLeases(url, { holder: this.holder, address: listener.address });
    this.owned = openOwnedAccounts({
      leases: this.leases,
      onEnd: (stream, why) => this.ended(stream, why),
      onError: (error) => this.databaseIsAway(error),
    });
  }

  onForwarded(submit: Submit): void {
    this.submit = submit;
  }

  raceLost(stream: StreamName): void {
    const { contested } = this;
    if (contested.has(stream) || contested.size >= CONTESTED_MAX) return;
    contested.set(stream, { ...NOTHING_KNOWN });
  }

  forward(stream: StreamName, commands: readonly QueuedCommand[]): Forwarding | undefined {
    const account = this.contested.get(stream);
    if (!account) return undefined;
    if (this.owned.has(stream)) {
      this.owned.isUsedBy(stream, this.holder);
      return undefined;
    }
    // What was forwarded to this process while it was the owner is not forwarded on.
    if (commands.some(({ decideBefore }) => decideBefore !== undefined)) return undefined;
    const known = this.usableOwner(account);
    if (!known && !this.mayAsk(account)) return undefined;
    const settled = this.settle(known, account, stream, commands);
    return forwardingOf(settled, () => account.owner && this.peers.rest(account.owner.address));
  }

  /** Undefined when this process is not the owner. */
  decide(batch: ForwardedBatch): Promise<readonly Settled[]> | undefined {
    const { stream, token, sender, commands } = batch;
    const { submit } = this;
    if (!submit || this.isClosed || !this.owned.isCurrent(stream, token)) return undefined;
    this.owned.isUsedBy(stream, sender);
    const decideBefore = performance.now() + DECIDE_MS;
    return Promise.all(
      commands.map((queued) =>
        submit(queued.command.organizationId, { ...queued, decideBefore }).then(
          (result): Settled => ({ result }),
          (error: Error): Settled => ({ error }),
        ),
      ),
    );
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await this.owned.close().catch((error: unknown) => this.databaseIsAway(error));
    await Promise.all([this.listener.close(), this.forwarder.close()]);
    await this.leases.close();
  }

  private async settle(
    known: OwnerLease | undefined,
    account: Contested,
    stream: StreamName,
    commands: readonly QueuedCommand[],
  ): Promise<readonly Settled[] | undefined> {
    const owner = known ?? (await soon(this.askForLease(stream, account)));
    if (!owner) return undefined;
    const { token, address } = owner;
    const written = writtenOrUndefined({ stream, token, sender: this.holder, commands });
    if (!written) return undefined;
    const forwarded = await this.forwarder.forward(address, written.body);
    const { outcome } = forwarded;
    this.options.metrics?.forwardedCommands.inc({ outcome }, written.count);
    this.peers.note(address, forwarded);
    if (outcome === 'answered') account.seenAt = performance.now();
    else account.owner = undefined;
    return settledOf(forwarded, written.count);
  }

  /** Undefined when there is no other process to forward to: this one may be the owner now. */
  private async askForLease(
    stream: StreamName,
    account: Contested,
  ): Promise<OwnerLease | undefined> {
    const askedAt = performance.now();
    account.askedAt = askedAt;
    const asked = this.leases.acquire(stream);
    const lease = await asked.catch((error: unknown) => this.databaseIsAway(error));
    if (!lease || this.isClosed) return undefined;
    if (lease.holder === this.holder) {
      this.owned.add(stream, lease.token, askedAt);
      this.options.metrics?.ownedAccounts.set(this.owned.count);
      return undefined;
    }
    Object.assign(account, { owner: lease, seenAt: askedAt });
    return this.peers.isResting(lease.address) ? undefined : lease;
  }

  private usableOwner({ owner, seenAt }: Contested): OwnerLease | undefined {
    const isFresh = performance.now() - seenAt < FRESH_MS;
    return owner && isFresh && !this.peers.isResting(owner.address) ? owner : undefined;
  }

  private mayAsk({ askedAt }: Contested): boolean {
    const now = performance.now();
    return now >= this.databaseRestsUntil && now - askedAt >= ASK_EVERY_MS;
  }

  private ended(stream: StreamName, why: 'quiet' | 'lost'): void {
    this.options.metrics?.ownedAccounts.set(this.owned.count);
    if (why === 'quiet') this.contested.delete(stream);
    else Object.assign(this.contested.get(stream) ?? {}, NOTHING_KNOWN);
  }

  private databaseIsAway(err: unknown): undefined {
    this.databaseRestsUntil = performance.now() + DATABASE_REST_MS;
    const { log } = this.options;
    log.warn({ err }, 'contested accounts have no owner while the database does not answer');
  }
}

/** Undefined when it takes longer: a silent database keeps no command that can be decided here. */
async function soon<T>(asked: Promise<T>): Promise<T | undefined> {
  return (await within(LEASE_WAIT_MS, asked)) ? asked : undefined;
}

const NOTHING_KNOWN: Contested = { owner: undefined, seenAt: -Infinity, askedAt: -Infinity };

function settledOf(forwarded: Forwarded, count: number): readonly Settled[] | undefined {
  switch (forwarded.outcome) {
    case 'answered':
      return forwarded.settled;
    case 'overloaded':
      return repeated(new StoreOverloaded('the account owner has too much under way'), count);
    case 'unknown':
      return repeated(new StoreUnavailable('the account owner did not answer'), count);
    case 'notOwner':
    case 'refused':
    case 'unreachable':
      return undefined;
  }
}

const repeated = (error: Error, count: number): readonly Settled[] =>
  Array.from({ length: count }, () => ({ error }));

/** A command that cannot be written is decided here, where it is told from its neighbours. */
function writtenOrUndefined(batch: ForwardedBatch): ReturnType<typeof writeBatch> | undefined {
  try {
    return writeBatch(batch);
  } catch {
    return undefined;
  }
}

function forwardingOf(settled: Forwarding['settled'], onOverdue: () => void): Forwarding {
  const overdue = new Promise<void>((resolve) => {
    const timer = setTimeout(() => {
      onOverdue();
      resolve();
    }, OVERDUE_MS);
    void settled.finally(() => clearTimeout(timer));
  });
  return { settled, overdue };
}
