/** What one stored event becomes in the feed, and the small parts that all of them share. */
import type { FeedType } from '../../contracts/cloud-events/feed-types.js';
import type { AnyEvent } from '../../contracts/events/all.js';
import type { Metadata } from '../../contracts/events/envelope.js';
import { formatMoney, type Micros } from '../../contracts/money.js';

/** Plain JSON, without the fields that are undefined; what the API has too is named as there. */
export type FeedData = Readonly<Record<string, unknown>>;

export interface FeedContent {
  readonly type: FeedType;
  /** The id of what it is about. */
  readonly subject: string;
  readonly data: FeedData;
}

/** Of a stored event, what its tenant-safe form is made from. */
export interface Source<E extends AnyEvent = AnyEvent> {
  readonly data: E['data'];
  readonly metadata: Pick<Metadata, 'actor' | 'ip'>;
}

/** One entry a type, so that a new type cannot be left out unsaid; null: operators' alone. */
export type FeedMapping<E extends AnyEvent> = {
  readonly [T in E['type']]: ((event: Source<Extract<E, { type: T }>>) => FeedContent) | null;
};

/**
 * On whose behalf it was done: a key of the organization, and from where; else `operator`, or
 * `system` for what a processor did. Which operator it was, and from where, is not said.
 */
export function actorData({ metadata: { actor, ip } }: Pick<Source, 'metadata'>): FeedData {
  if (actor.startsWith('key_')) return ip === undefined ? { actor } : { actor, ip };
  return { actor: /^operator(:|$)/.test(actor) ? 'operator' : 'system' };
}

export const moneyOrNull = (amount: Micros | undefined): string | null =>
  amount === undefined ? null : formatMoney(amount);
