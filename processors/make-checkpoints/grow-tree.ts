/** One run over the log: leaves are made as events come, and stored twice a second. */
import type { AnyEvent } from '../../contracts/events/all.js';
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import type { OrganizationId } from '../../contracts/ids.js';
import { originOfLog } from '../../domain/proof/checkpoint.js';
import { feedOf } from '../../domain/feed/feed-event.js';
import {
  FEED_BEGINS,
  openLogTree,
  type FeedEnd,
  type LogTree,
} from '../../domain/proof/log-tree.js';
import { openLeafSalts, saltsId, type LeafSalts } from '../../domain/proof/salts.js';
import { openSigner, type NoteSigner } from '../../domain/proof/signed-note.js';
import { pause } from '../../infra/concurrency/pause.js';
import { createSignal } from '../../infra/concurrency/signal.js';
import { START, type LogBatch } from '../../infra/event-store/port.js';
import { readLog } from '../../infra/event-store/read-log.js';
import type { StoredTree } from '../../infra/proof-store/port.js';
import { checkpointOf } from '../../infra/proof-store/signed-log.js';
import type { Infra } from '../../runtime/infra.js';
import { openSignedSizes } from './signed-sizes.js';

export type Growing = Pick<
  Infra,
  'checkpointKey' | 'log' | 'metrics' | 'proofs' | 'secrets' | 'store'
>;

/** What comes within it is stored in one transaction. */
const LINGER_MS = 500;
const CHECKPOINT_EVERY_MS = 5_000;
/** Behind: so many leaves are kept in memory at most, while those before are stored. */
const ADDED_MAX = 50_000;
/** The ends of so many feeds are kept between transactions. */
const FEED_ENDS_MAX = 50_000;

/** Throws outages, and what keeps the tree from growing. */
export async function growTreeUntil(
  growing: Growing,
  signal: AbortSignal,
  onGrown: () => void,
): Promise<void> {
  const salts = openLeafSalts(growing.secrets.leafSaltsKey);
  const stored = await begunTree(growing, salts, signal);
  if (!stored) return;
  const ended = new AbortController();
  const running = AbortSignal.any([signal, ended.signal]);
  const tree = openLogTree(stored, salts);
  const signer = openSigner(stored.origin, growing.checkpointKey);
  const storing = openStoring({ growing, tree, signer, onGrown });
  const ends = openFeedEnds(growing, () => storing.isAllStored());
  const signed = openSignedSizes(growing.proofs, stored.origin, tree.size);
  const store = storing.run(running).catch((error: unknown) => {
    ended.abort();
    throw error;
  });
  // It is awaited when the reading has ended.
  store.catch(() => undefined);
  try {
    for await (const batch of readLog(growing.store, stored.position, running)) {
      refuseUnknown(batch);
      await ends.load(batch.events);
      await signed.load(tree.size + batch.events.length);
      for (const event of batch.events) {
        addTo(tree, ends, event);
        signed.compare(tree);
      }
      await storing.added(running);
    }
  } finally {
    ended.abort();
    storing.end();
    await store;
  }
}

/** Undefined when the signal aborts before the log has an event. */
async function begunTree(
  { proofs, store }: Growing,
  salts: LeafSalts,
  signal: AbortSignal,
): Promise<StoredTree | undefined> {
  const id = saltsId(salts);
  const found = await proofs.tree();
  if (found) return expectSalts(found, id);
  for await (const batch of store.subscribe(START, {}, signal)) {
    refuseUnknown(batch);
    const [first] = batch.events;
    if (!first) continue;
    await proofs.begin(originOfLog(first.id), id);
    const begun = await proofs.tree();
    if (!begun) throw new Error('the log has moved since this process started');
    return expectSalts(begun, id);
  }
  return undefined;
}

function expectSalts(tree: StoredTree, id: string): StoredTree {
  if (tree.saltsId === id) return tree;
  throw new Error(
    'MODELROUTE_MASTER_KEY is not the one with which the proof of this log was begun: its leaves ' +
      'cannot be made with another one',
  );
}

/** Whether it has a number in a feed, only a release that knows its type can say. */
function refuseUnknown({ unknown }: LogBatch): void {
  if (unknown !== undefined)
    throw new Error('the log has an event of a type that this release does not know');
}

interface StoringOptions {
  readonly growing: Growing;
  readonly tree: LogTree;
  readonly signer: NoteSigner;
  readonly onGrown: () => void;
}

function openStoring({ growing, tree, signer, onGrown }: StoringOptions) {
  const { proofs, metrics } = growing;
  const [changed, stored] = [createSignal(), createSignal()];
  let [signedAtMs, isSigned, isStoring] = [-Infinity, true, false];
  const leftMs = () => signedAtMs + CHECKPOINT_EVERY_MS - performance.now();

  async function store(): Promise<void> {
    const growth = tree.take();
    const isDue = leftMs() <= 0;
    const checkpoint = isDue ? checkpointOf(growth, signer) : undefined;
    isStoring = true;
    const grown = await proofs.grow(growth, checkpoint);
    isStoring = false;
    if (grown === 'moved') throw new Error('another process grew the tree meanwhile');
    if (grown === 'forked')
      throw new Error(`another tree of ${growth.edge.size} events was signed before`);
    if (isDue) signedAtMs = performance.now();
    isSigned = isDue;
    metrics.proofSize.set(growth.edge.size);
    onGrown();
    stored.notify();
  }

  return {
    async run(signal: AbortSignal): Promise<void> {
      while (!signal.aborted) {
        if (tree.added === 0) await changed.wait(isSigned ? undefined : Math.max(0, leftMs()));
        if (signal.aborted) return;
        if (tree.added < ADDED_MAX && tree.added > 0) await pause(LINGER_MS, signal);
        if (tree.added > 0 || (!isSigned && leftMs() <= 0)) await store();
      }
    },
    /** Waits while too much is not stored. */
    async added(signal: AbortSignal): Promise<void> {
      changed.notify();
      while (tree.added >= ADDED_MAX && !signal.aborted) await stored.wait(LINGER_MS);
    },
    isAllStored: () => tree.added === 0 && !isStoring,
    end: () => changed.notify(),
  };
}

function addTo(tree: LogTree, ends: FeedEnds, event: RecordedEvent<AnyEvent>): void {
  const organizationId = feedOf(event);
  const before = (organizationId && ends.of.get(organizationId)) ?? FEED_BEGINS;
  const end = tree.add(event, before);
  if (organizationId) ends.of.set(organizationId, end);
}

interface FeedEnds {
  readonly of: Map<OrganizationId, FeedEnd>;
  /** Those of the events' organizations. */
  load(events: readonly RecordedEvent<AnyEvent>[]): Promise<void>;
}

/** Where feeds end: as it is stored, and as events were added since. */
function openFeedEnds({ proofs }: Growing, isAllStored: () => boolean): FeedEnds {
  const of = new Map<OrganizationId, FeedEnd>();
  return {
    of,
    async load(events) {
      if (of.size > FEED_ENDS_MAX && isAllStored()) of.clear();
      const missing = new Set<OrganizationId>();
      for (const event of events) {
        const organizationId = feedOf(event);
        if (organizationId && !of.has(organizationId)) missing.add(organizationId);
      }
      if (missing.size === 0) return;
      for (const [organizationId, end] of await proofs.feedEnds([...missing]))
        of.set(organizationId, end);
    },
  };
}
