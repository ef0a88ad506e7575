/** What things are called in Kafka: operators and other systems find them by these names. */
import type { Category } from '../../../contracts/streams.js';

/** Before all names of one installation, so that a broker may carry several. */
export const PREFIX = 'modelroute';

export const topicOf = (prefix: string, category: Category): string =>
  `${prefix}.${category}.events`;

export const groupIdOf = (prefix: string, group: string): string => `${prefix}.${group}`;

export const deadLettersOf = (group: string): string => `${group}.dead`;

/**
 * The categories whose streams are published, whole: those that processors wake on. Others would
 * cost a broker's work that nobody hears.
 */
export const RELAYED: readonly Category[] = ['execution'];

/**
 * As many consumers of a group can share a topic. A topic that was made with more before the first
 * start keeps them.
 */
export const PARTITIONS = 12;

/** The relay's own name among the checkpoints. */
export const RELAY = 'relay';
