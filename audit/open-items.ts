/**
 * The open items of a log: accounts, and the holds, executions and deliveries that have not ended.
 * The auditor keeps them from the events' plain data, without the code that it is to judge. An
 * ended item is dropped, so memory grows with what is open and not with the log; accounts stay, as
 * sums.
 */
import type { GuardSetter, SpendingLimits } from '../contracts/events/account.js';
import type { PublishedRoute } from '../contracts/events/catalogue.js';
import type { Timestamp } from '../contracts/events/envelope.js';
import type { WebhookEventType } from '../contracts/events/delivery.js';
import type { Usage } from '../contracts/events/execution.js';
import type {
  BatchId,
  ApiKeyId,
  DeliveryId,
  ExecutionId,
  HoldId,
  OrganizationId,
  WebhookEndpointId,
} from '../contracts/ids.js';
import type { Micros } from '../contracts/money.js';
import type { Findings } from './findings.js';

export interface OpenItems {
  readonly findings: Findings;
  readonly accounts: Map<OrganizationId, Account>;
  readonly holds: Map<HoldId, OpenHold>;
  readonly executions: Map<ExecutionId, OpenExecution>;
  readonly deliveries: Map<DeliveryId, OpenDelivery>;
  /** Webhook endpoints, by their ids. */
  readonly endpoints: Map<OrganizationId, Map<string, OpenEndpoint>>;
  readonly batches: Map<BatchId, OpenBatch>;
  /** Prices by catalogue version, model and route. */
  readonly prices: Map<string, Map<string, ReadonlyMap<string, PromisedPrice>>>;
  /** What the completed executions of an organization cost together. */
  readonly costs: Map<OrganizationId, Micros>;
  /** Requested executions by organization and public status, ended ones included. */
  readonly tallies: Map<OrganizationId, Map<Status, number>>;
  /** Deliveries by status, ended ones included. */
  readonly deliveryTally: Map<DeliveryStatus, number>;
  /** How many events have a number in the feed of each organization. */
  readonly fed: Map<OrganizationId, number>;
  readonly counts: Counts;
}

export type PromisedPrice = Pick<PublishedRoute, 'price' | 'priceTiers'>;

export type Status =
  | 'PENDING'
  | 'PROCESSING'
  | 'AWAITING_WEBHOOK'
  | 'COMPLETED'
  | 'FAILED'
  | 'CANCELLED'
  | 'EXPIRED';

export type DeliveryStatus = 'WAITING' | 'SUCCEEDED' | 'EXHAUSTED';

export interface Counts {
  events: number;
  executions: number;
  holds: number;
  deliveries: number;
}

/** The sums moved between an account's books, and the amounts that its newest event carries. */
export interface Account {
  deposited: Micros;
  adjustedUp: Micros;
  adjustedDown: Micros;
  reserved: Micros;
  returned: Micros;
  charged: Micros;
  available: Micros;
  held: Micros;
  revision: number;
  position: bigint;
  /** Digests of the keys under which money was moved: eight bytes each. */
  readonly movements: Set<bigint>;
  readonly guards: GuardBook;
}

export interface GuardBook {
  readonly scopes: Map<string, ScopeBook>;
  threshold: Micros | undefined;
  /** Less than the threshold is available, and that was said or is not to be. */
  isLow: boolean;
  /** The event before this one took the balance below the threshold. */
  isDue: boolean;
}

export interface ScopeBook {
  readonly limits: Record<GuardSetter, SpendingLimits>;
  readonly windows: Map<string, Micros>;
  openHolds: number;
  /** Since there is a limit per minute: by time, each with the sum of all up to it. */
  readonly minute: { readonly atMs: number; total: Micros }[];
}

export interface OpenHold {
  readonly holdId: HoldId;
  readonly organizationId: OrganizationId;
  readonly executionId: ExecutionId;
  readonly generation: number;
  readonly amount: Micros;
  readonly placedAt: Timestamp;
  readonly apiKeyId?: ApiKeyId;
}

/** A dispatch key, and what the newest attempts under it left open. */
export interface KeyUse {
  readonly provider: string;
  /** An attempt under it ended as unknown: its provider may be owed for it. */
  isDoubtful: boolean;
  /** The most that it may be owed; undefined where nobody can tell. */
  mayHaveCost?: Micros | undefined;
  isRepeatable: boolean;
}

export interface OpenExecution {
  readonly id: ExecutionId;
  readonly organizationId: OrganizationId;
  readonly abandonedHolds: Set<HoldId>;
  request?: Request;
  status: Status;
  /** The attempt that was dispatched last; 0 before the first. */
  attempt: number;
  /** Of that attempt. */
  route?: string;
  model?: string;
  inFlight?: { readonly deadline: Timestamp };
  /** Under which attempts were dispatched, in their order. */
  readonly keys: Map<string, KeyUse>;
  /** Of them, that of the newest attempt. */
  key?: string;
  delivered?: { readonly rated: Micros; readonly usage: Usage; readonly at: Timestamp };
  /** `rated` is the price, `cost` what its owner is shown: never more than the hold. */
  end?: { readonly at: Timestamp; readonly cost: Micros; readonly rated: Micros };
  holdEnded: boolean;
  /** Of the newest entry in the owner's timeline; 0 before the request. */
  sequence: number;
  started: boolean;
  /** Events that have no delivery yet, by type and whom they are due to (`dueKey`). */
  readonly dueEvents: Map<string, DueEvent>;
}

export interface Request {
  readonly holdId: HoldId;
  readonly holdAmount: Micros;
  readonly model: string;
  readonly catalogueVersion: string;
  readonly expiresAt: Timestamp;
  readonly webhookUrl: string | undefined;
  readonly wanted: readonly string[];
}

export interface DueEvent {
  readonly sequence: number;
  readonly revision: number;
  readonly at: Timestamp;
}

/** Without an endpoint, to the `webhook_url` of the execution. */
export const dueKey = (type: string, endpointId?: WebhookEndpointId): string =>
  endpointId === undefined ? type : `${type} ${endpointId}`;

export interface OpenEndpoint {
  readonly events: readonly string[];
  readonly isActive: boolean;
}

interface OpenBatch {
  readonly executionIds: readonly ExecutionId[];
  readonly isOver: boolean;
}

export interface OpenDelivery {
  readonly id: DeliveryId;
  /** Absent where the event is not an execution's. */
  readonly executionId?: ExecutionId;
  readonly eventType: WebhookEventType | 'a redelivery';
  readonly scheduledAt: Timestamp;
  attempts: number;
  /** When something is to be heard of it at the latest, but for the time that the call may take. */
  nextAt: Timestamp;
}

export const openItems = (findings: Findings): OpenItems => ({
  findings,
  accounts: new Map(),
  holds: new Map(),
  executions: new Map(),
  deliveries: new Map(),
  batches: new Map(),
  endpoints: new Map(),
  prices: new Map(),
  costs: new Map(),
  tallies: new Map(),
  deliveryTally: new Map(),
  fed: new Map(),
  counts: { events: 0, executions: 0, holds: 0, deliveries: 0 },
});

/** Moves one from a status to another; undefined is where it comes from at first. */
export function move<S>(tally: Map<S, number>, from: S | undefined, to: S): void {
  if (from !== undefined) tally.set(from, (tally.get(from) ?? 0) - 1);
  tally.set(to, (tally.get(to) ?? 0) + 1);
}

/** One that is over, whose hold ended and whose due events are all scheduled has no more to do. */
export function dropIfDone(open: OpenItems, execution: OpenExecution): boolean {
  const { end, holdEnded, dueEvents, id } = execution;
  if (!end || !holdEnded || dueEvents.size > 0) return false;
  return open.executions.delete(id);
}
