/**
 * Every step of the schema, in order: the SQL file `0<id>-<file>.sql` beside this one. What a
 * released step makes is never changed, nor is its name, which databases remember. Its text may be
 * put in words that older servers know, as long as the same tables come of it (ADR 25).
 */
import { readFileSync } from 'node:fs';
import type { Migration } from '../postgres/migrate.js';

const step = (id: number, name: string, file: string): Migration => ({
  id,
  name,
  sql: readFileSync(new URL(`./0${id}-${file}.sql`, import.meta.url), 'utf8'),
});

/** The schema `eventstore`: the log, payloads, snapshots. Ids 100–199. */
export const eventStoreMigrations: readonly Migration[] = [
  step(100, 'event store: the log', 'log'),
  step(101, 'event store: append', 'append'),
  step(102, 'event store: snapshots are not compressed', 'snapshots'),
];

/** What the consumers of the log keep about themselves, `processing`. Ids 200–299, and 426. */
export const processingMigrations: readonly Migration[] = [
  step(200, 'processing: checkpoints and parked wakes', 'checkpoints'),
  step(201, 'processing: leases', 'leases'),
  step(202, 'processing: handled wakes', 'handled-positions'),
  step(
    203,
    'processing: handled wakes are numbered on after a crash',
    'handled-positions-sequence',
  ),
  step(204, 'processing: dead letters and processed positions', 'dead-letters'),
  step(205, 'processing: waiting executions', 'waiting-executions'),
  step(206, 'processing: reports of processes', 'process-reports'),
  step(212, 'processing: shares of limits', 'limit-shares'),
  step(213, 'processing: what is spent of limits of requests', 'request-limits'),
  step(216, 'processing: when API keys were used', 'api-key-uses'),
  step(290, 'processing: whose positions these are', 'log-identity'),
  step(291, 'processing: since when these positions hold', 'log-epoch'),
  step(426, 'processing: shares of slots', 'slot-shares'),
];

/** The schema `readmodel`. Ids 300–399, 411 and 424. */
export const readModelMigrations: readonly Migration[] = [
  step(300, 'readmodel: projections', 'projections'),
  step(301, 'readmodel: executions', 'executions'),
  step(302, 'readmodel: billing', 'billing'),
  step(303, 'readmodel: timers', 'timers'),
  step(304, 'readmodel: deliveries', 'deliveries'),
  step(305, 'readmodel: files', 'files'),
  step(306, 'readmodel: organizations', 'organizations'),
  step(307, 'readmodel: executions as documents', 'execution-documents'),
  step(308, 'readmodel: labels of what waits', 'waiting-labels'),
  step(309, 'readmodel: ledger entries by type and time', 'ledger-indexes'),
  step(310, 'readmodel: labels of what is dispatched', 'labels'),
  step(325, 'readmodel: quotas of organizations', 'organization-quotas'),
  step(326, 'readmodel: what is stored for organizations', 'storage'),
  step(330, 'readmodel: due deliveries by organization', 'due-deliveries'),
  step(340, 'readmodel: timers of jobs at providers', 'poll-timers'),
  step(341, 'readmodel: timers by kind', 'timers-by-kind'),
  step(343, 'readmodel: uploaded files, and timers of files', 'uploads'),
  step(345, 'readmodel: limits of API keys', 'api-key-limits'),
  step(350, 'readmodel: deliveries to endpoints', 'endpoint-deliveries'),
  step(359, 'readmodel: usage by day, and keys of executions', 'usage'),
  step(366, 'readmodel: rates of requests of organizations', 'request-rates'),
  step(367, 'readmodel: feeds of organizations', 'feed'),
  step(370, 'readmodel: holds that were open for long', 'long-holds'),
  step(371, 'readmodel: versions of the catalogue', 'catalogue-versions'),
  step(372, 'readmodel: how rebuilds go', 'rebuild-progress'),
  step(411, 'readmodel: how long payloads are kept', 'payload-retention'),
  step(424, 'readmodel: files whose bytes are awaited', 'awaited-files'),
];

/** The schema `deciding`: owners of contested accounts. Ids 400–402. */
export const accountOwnerMigrations: readonly Migration[] = [
  step(400, 'deciding: homes of contested accounts, and their mail', 'account-owners'),
  step(401, 'deciding: leases of account owners', 'account-owner-leases'),
];

/** The schema `proof`: the Merkle tree over the log. Ids 403–406. */
const proofMigrations: readonly Migration[] = [
  step(403, 'proof: the tree over the log, and what was signed of it', 'proofs'),
];

/** The exports of feeds, in the schema `processing`. Ids 407–409 and 417–419. */
export const exportMigrations: readonly Migration[] = [
  step(407, 'processing: continuous exports', 'exports'),
  step(417, 'processing: exports to topics, and paused ones', 'exports-of-topics'),
];

/** The schema `datakeys`. Ids 410–413, 432 and 433. */
export const dataKeyMigrations: readonly Migration[] = [
  step(410, 'datakeys: keys of organizations', 'data-keys'),
  step(432, 'datakeys: changes of keys are numbered, and made by functions', 'data-key-changes'),
];

/** In the order of their ids: a schema may gain a step after others have. */
export const allMigrations: readonly Migration[] = [
  ...eventStoreMigrations,
  ...processingMigrations,
  ...readModelMigrations,
  ...accountOwnerMigrations,
  ...proofMigrations,
  ...exportMigrations,
  ...dataKeyMigrations,
].sort((one, other) => one.id - other.id);
