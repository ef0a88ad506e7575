/** What answers about earlier moments are made from. */
import type { TenantReads } from '../../infra/read-store/tenant-reads.js';
import type { Database } from '../../runtime/open-database.js';

export interface ReplayInfra extends Pick<Database, 'progress' | 'store'> {
  readonly reads: TenantReads;
}
