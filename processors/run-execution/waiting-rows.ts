/**
 * The rows of executions that wait for longer than this process keeps them in memory: written and
 * deleted in batches, and taken back by pages in which organizations share equally.
 */
import type { ExecutionId, OrganizationId } from '../../contracts/ids.js';
import { createBatchLoader } from '../../infra/concurrency/batch-loader.js';
import { StoreUnavailable } from '../../infra/event-store/port.js';
import type {
  EndedWait,
  Taking,
  WaitingExecution,
  WaitingExecutions,
} from '../../infra/waiting-executions/port.js';

export interface WaitingRows {
  /** Resolves when the row is committed; throws `StoreUnavailable`. */
  add(execution: WaitingExecution): Promise<void>;
  /** With the next flush. */
  remove(ended: EndedWait): void;
  /** Deletes what is to be removed; what cannot be deleted now stays for the next flush. */
  flush(): Promise<void>;
  /** Whether executions of the organization have rows: its later ones wait behind them. */
  has(queue: string, organizationId: OrganizationId): boolean;
  hasQueue(queue: string): boolean;
  /** The queues that are known to have rows. */
  queues(): readonly string[];
  /** Finds out which queues have rows. */
  look(): Promise<void>;
  take(queue: string, limit: number): Promise<readonly WaitingExecution[]>;
  takeOlder(queue: string, sinceMs: number, limit: number): Promise<readonly WaitingExecution[]>;
  /** These are still about to be started here. */
  keep(executionIds: readonly ExecutionId[]): Promise<void>;
  giveBack(): Promise<void>;
}

const BATCH_MAX = 1_000;
/** Beyond it rows stay: they are found to be over when they are taken. */
const REMOVALS_MAX = 50_000;
const ORGANIZATIONS_MAX = 32;

interface KnownQueue {
  readonly organizations: Set<OrganizationId>;
  /** The organization with which the last page ended. */
  after: string;
  /** Counts additions, so that a look that began before one does not deny it. */
  additions: number;
}

export function openWaitingRows(
  store: WaitingExecutions,
  holder: string,
  forMs: number,
): WaitingRows {
  const known = new Map<string, KnownQueue>();
  let removals: EndedWait[] = [];
  let flushing: Promise<void> | undefined;

  const knownQueue = (name: string): KnownQueue => {
    const queue = known.get(name) ?? { organizations: new Set(), after: '', additions: 0 };
    known.set(name, queue);
    return queue;
  };
  const note = (executions: readonly WaitingExecution[]): void => {
    for (const { queue, organizationId } of executions)
      knownQueue(queue).organizations.add(organizationId);
  };
  const flush = async () => {
    while (removals.length > 0) {
      const batch = removals.slice(0, BATCH_MAX);
      await store.remove(batch);
      removals = removals.slice(batch.length);
    }
  };
  const write = createBatchLoader<WaitingExecution, undefined>({
    nameOf: ({ executionId }) => executionId,
    keysMax: BATCH_MAX,
    inFlightMax: 1,
    load: async (executions) => {
      try {
        await store.add(executions);
      } catch (error) {
        throw new StoreUnavailable('the rows of waiting executions cannot be written', error);
      }
      return executions.map(() => undefined);
    },
  });

  return {
    async add(execution) {
      note([execution]);
      knownQueue(execution.queue).additions += 1;
      await write(execution);
    },
    remove(ended) {
      if (removals.length < REMOVALS_MAX) removals.push(ended);
    },
    flush: () => (flushing ??= flush().finally(() => (flushing = undefined))),
    has: (queue, organizationId) => known.get(queue)?.organizations.has(organizationId) ?? false,
    hasQueue: (queue) => known.has(queue),
    queues: () => [...known.keys()],
    async look() {
      const before = new Map([...known].map(([name, { additions }]) => [name, additions]));
      const found = new Set(await store.queues());
      for (const name of found) knownQueue(name);
      for (const [name, additions] of before)
        if (!found.has(name) && known.get(name)?.additions === additions) known.delete(name);
    },
    async take(name, limit) {
      const taken = await takePage(store, knownQueue(name), { queue: name, holder, forMs, limit });
      note(taken);
      return taken;
    },
    takeOlder: (queue, sinceMs, limit) => store.takeOlder({ queue, holder, forMs, limit, sinceMs }),
    keep: (executionIds) => store.keep(executionIds, holder, forMs),
    giveBack: () => store.giveBack(holder),
  };
}

/** Goes on behind the organization with which the last page ended, and begins anew at the end. */
async function takePage(
  store: WaitingExecutions,
  queue: KnownQueue,
  taking: Taking,
): Promise<readonly WaitingExecution[]> {
  const from = (afterOrganization: string) =>
    store.take({ ...taking, afterOrganization, organizationsMax: ORGANIZATIONS_MAX });
  let taken = await from(queue.after);
  if (taken.length === 0 && queue.after !== '') taken = await from('');
  const organizations = [...new Set(taken.map(({ organizationId }) => organizationId))].sort();
  const isLast = organizations.length < ORGANIZATIONS_MAX;
  queue.after = isLast ? '' : (organizations.at(-1) ?? '');
  return taken;
}
