/** What the contract suite is written with: streams, facts, gates and runs that always end. */
import { randomUUID } from 'node:crypto';
import {
  derivedUuid,
  eventIdOf,
  type ExecutionId,
  type HoldId,
  type OrganizationId,
} from '../../../contracts/ids.js';
import { idOf, streamOf, type StreamName } from '../../../contracts/streams.js';
import { NO_STREAM, type EventStore, type Position } from '../../event-store/port.js';
import type { Deferral, EventBus, Group, Notification } from '../port.js';

type FactType = 'ExecutionExpired' | 'ExecutionCancelled';

export const executionStream = (): StreamName => streamOf('execution', `exec_${randomUUID()}`);

export const keyOf = ({ stream, revision }: Notification): string => `${stream}@${revision}`;

/** Appends facts behind `after` one by one; answers their positions. */
export async function append(
  store: EventStore,
  stream: StreamName,
  types: readonly FactType[],
  after = NO_STREAM,
): Promise<Position[]> {
  const positions: Position[] = [];
  for (const [index, type] of types.entries()) {
    const expectedRevision = after + index;
    const event = factOf(stream, expectedRevision, type);
    const [outcome] = await store.append({
      appends: [{ stream, expectedRevision, events: [event] }],
    });
    if (outcome?.status !== 'appended') throw new Error(`not appended: ${outcome?.status}`);
    positions.push(outcome.position);
  }
  return positions;
}

function factOf(stream: StreamName, after: number, type: FactType) {
  const at = new Date().toISOString();
  return {
    id: eventIdOf(stream, after + 1, derivedUuid(type)),
    type,
    data: {
      executionId: idOf(stream) as ExecutionId,
      organizationId: ORGANIZATION,
      holdId: HOLD,
      at,
    },
    metadata: {
      $correlationId: 'suite',
      $causationId: 'suite',
      actor: 'processor:suite',
      schemaVersion: 1,
      time: at,
    },
  };
}

const ORGANIZATION: OrganizationId = `org_${randomUUID()}`;
const HOLD: HoldId = `hold_${randomUUID()}`;

export const groupNamed = (name: string): Omit<Group, 'handle'> => ({
  name,
  categories: ['execution'],
  subscribesTo: ['ExecutionExpired', 'ExecutionCancelled'],
  concurrencyMax: 8,
  attemptsMax: 5,
});

/** Handlers wait here until it is opened. */
export function gate(): { readonly wait: Promise<void>; open(): void } {
  let open = (): void => undefined;
  const wait = new Promise<void>((resolve) => (open = resolve));
  return { wait, open: () => open() };
}

type AnyHandler = Omit<Group, 'handle'> & {
  handle(notification: Notification, signal: AbortSignal): Promise<unknown>;
};

const isDeferral = (answer: unknown): answer is Deferral =>
  typeof answer === 'object' && answer !== null && 'processed' in answer;

export interface Runs {
  start(group: AnyHandler): void;
  /** The handler fails at revision 0 of every stream while `sick`; answers the deliveries. */
  startPoisoned(group: Omit<Group, 'handle'>, sick: () => boolean): string[];
  /** Aborts all runs and waits for them. */
  stop(): Promise<void>;
  /** They ended in a crash: nothing to wait for. */
  forget(): void;
}

export function startRuns(bus: EventBus): Runs {
  let running: { readonly stopper: AbortController; readonly ended: Promise<void> }[] = [];
  const start = (group: AnyHandler): void => {
    const stopper = new AbortController();
    const handle: Group['handle'] = async (notification, signal) => {
      const answer = await group.handle(notification, signal);
      return isDeferral(answer) ? answer : 'handled';
    };
    const ended = bus.run({ ...group, handle }, stopper.signal);
    running.push({ stopper, ended });
  };
  return {
    start,
    startPoisoned: (group, sick) => {
      const delivered: string[] = [];
      const handle = async (notification: Notification) => {
        delivered.push(keyOf(notification));
        if (notification.revision === 0 && sick()) throw new Error('poison');
      };
      start({ ...group, attemptsMax: 2, handle });
      return delivered;
    },
    stop: async () => {
      const all = running;
      running = [];
      for (const { stopper } of all) stopper.abort();
      await Promise.all(all.map(({ ended }) => ended));
    },
    forget: () => {
      running = [];
    },
  };
}
