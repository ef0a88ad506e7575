/** The cells in the order of the table. */
import type { Cell } from '../cell.js';
import { accepts } from './accepts.js';
import { auditExports } from './audit-exports.js';
import { completed } from './completed.js';
import { deliveries } from './deliveries.js';
import { distributed } from './distributed.js';
import { drain } from './drain.js';
import { eventStoreExecutions } from './event-store-executions.js';
import { growth } from './growth.js';
import { latency } from './latency.js';
import { memory } from './memory.js';
import { noisy } from './noisy.js';
import { oneAccount } from './one-account.js';
import { orderedAppend } from './ordered-append.js';
import { provenAccepts } from './proven-accepts.js';
import { reads } from './reads.js';
import { rebuilds } from './rebuild.js';
import { acceptsBesideRebuild } from './accepts-beside-rebuild.js';
import { replays } from './replays.js';
import { restate } from './restate.js';
import { writers } from './writers.js';

export const cells: readonly Cell[] = [
  accepts,
  provenAccepts,
  oneAccount,
  writers,
  completed,
  drain,
  latency,
  reads,
  replays,
  orderedAppend,
  rebuilds,
  acceptsBesideRebuild,
  deliveries,
  distributed,
  eventStoreExecutions,
  restate,
  memory,
  auditExports,
  growth,
  noisy,
];
