/** The names in Kafka and in the database by which operators and other systems find things. */
import type { Category } from '../../../contracts/streams.js';

/** Before all names of one installation, so that a broker may carry several. */
export const PREFIX = 'modelroute';

export const topicOf = (prefix: string, category: Category): string =>
  `${prefix}.${category}.events`;

export const groupIdOf = (prefix: string, group: string): string => `${prefix}.${group}`;

export const deadLetterTopicOf = (group: string): string => `${group}.dead`;

/**
 * The categories whose streams are published, whole: those that processors subscribe to. Of others
 * no processor needs a message.
 */
export const RELAYED: readonly Category[] = ['execution', 'attempt', 'batch'];

/**
 * As many consumers of a group can share a topic. A topic that was made with more before the first
 * start keeps them.
 */
export const PARTITIONS = 12;

/** The lease of a group's reconciliation, under the name that every release uses. */
export const reconciliationLeaseOf = (group: string): string => `sweep/${group}`;

/** The relay's own name among the checkpoints. */
export const RELAY = 'relay';
