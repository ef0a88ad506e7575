/** Every projection there is. */
import { accountBalances } from './account-balances/account-balances.js';
import { catalogueVersions } from './catalogue-versions/catalogue-versions.js';
import { deliveries } from './deliveries/deliveries.js';
import { executions } from './executions/executions.js';
import { feed } from './feed/feed.js';
import { files } from './files/files.js';
import { holds } from './holds/holds.js';
import { ledgerEntries } from './ledger-entries/ledger-entries.js';
import { organizations } from './organizations/organizations.js';
import { organizationQuotas } from './organization-quotas/organization-quotas.js';
import type { Projection } from './engine/projection.js';
import { storage } from './storage/storage.js';
import { timers } from './timers/timers.js';

export const projections: readonly Projection[] = [
  executions,
  accountBalances,
  ledgerEntries,
  holds,
  timers,
  deliveries,
  files,
  organizations,
  organizationQuotas,
  storage,
  catalogueVersions,
  feed,
];
