/** The query API: every read. A balancer sends it GET and HEAD requests; it has no other route. */
import { openSignedLog } from '../infra/proof-store/signed-log.js';
import type { Route } from '../http/server/route.js';
import { openCursors } from './cursor.js';
import { openCurrent } from './executions/current.js';
import { openModelsThen } from './as-of/model-then.js';
import type { QueryInfra } from './query-infra.js';
import { getApiKeys } from './api-keys/get-api-keys.js';
import { getApiKeysRateLimit } from './api-keys/get-api-keys-rate-limit.js';
import { getOrganizationsApiKeys } from './api-keys/get-organizations-api-keys.js';
import { getExecutionsRouting } from './admin/get-executions-routing.js';
import { getOperatorKeys } from './admin/get-operator-keys.js';
import { getOperatorExecution } from './admin/get-operator-execution.js';
import { getDeadLetters } from './admin/get-dead-letters.js';
import { getExports } from './admin/get-exports.js';
import { getGroups } from './admin/get-groups.js';
import { getProviders } from './admin/get-providers.js';
import { getQueues } from './admin/get-queues.js';
import { getOrganization } from './admin/get-organization.js';
import { getOrganizations } from './admin/get-organizations.js';
import { getOrganizationsQuotas } from './admin/get-organizations-quotas.js';
import { getOrganizationsRateLimit } from './admin/get-organizations-rate-limit.js';
import { getProjections } from './admin/get-projections.js';
import { getAuditExport } from './audit/get-audit-export.js';
import { getExecutionReceipt } from './audit/get-execution-receipt.js';
import { getLogCheckpoint } from './audit/get-log-checkpoint.js';
import { getLogCheckpoints } from './audit/get-log-checkpoints.js';
import { getLogConsistency } from './audit/get-log-consistency.js';
import { getLogInclusion } from './audit/get-log-inclusion.js';
import { getLogTile } from './audit/get-log-tile.js';
import { getBatch } from './batches/get-batch.js';
import { getBalance } from './billing/get-balance.js';
import { getEvents } from './events/get-events.js';
import { openFeeds } from './events/watched-feeds.js';
import { getExecution } from './executions/get-execution.js';
import { getExecutionEvents } from './executions/get-execution-events.js';
import { getExecutionResult } from './executions/get-execution-result.js';
import { getExecutions } from './executions/get-executions.js';
import { getFile } from './files/get-file.js';
import { getFileContent } from './files/get-file-content.js';
import { getFileDownload } from './files/get-file-download.js';
import { getFileUrl } from './files/get-file-url.js';
import { openQueuedAhead } from './executions/queued-ahead.js';
import { openWatchedExecutions } from './executions/watched-executions.js';
import { getOrganizationsRequirements } from './requirements/get-organizations-requirements.js';
import { getRequirements } from './requirements/get-requirements.js';
import { getDeliveries } from './webhooks/get-deliveries.js';
import { getDelivery } from './webhooks/get-delivery.js';
import { getDeliveryAttempts } from './webhooks/get-delivery-attempts.js';
import { getHolds } from './billing/get-holds.js';
import { getLedger } from './billing/get-ledger.js';
import { getUsage } from './billing/get-usage.js';
import { getModel } from './models/get-model.js';
import { getModels } from './models/get-models.js';
import { getBalanceAlert, getOrganizationsBalanceAlert } from './spending/get-balance-alert.js';
import {
  getApiKeysSpendingGuards,
  getOrganizationsApiKeysSpendingGuards,
  getOrganizationsSpendingGuards,
  getSpendingGuards,
} from './spending/get-spending-guards.js';
import { getEndpoint } from './webhooks/get-endpoint.js';
import { getEndpoints } from './webhooks/get-endpoints.js';

export function queryRoutes(infra: QueryInfra): Route[] {
  const current = openCurrent(infra);
  const watched = openWatchedExecutions(infra);
  const lists = { ...infra, cursors: openCursors(infra) };
  const log = openSignedLog(infra);
  return [
    getExecutions(lists),
    getExecution({ asOf: infra, current, watched, queuedAhead: openQueuedAhead(infra) }),
    getExecutionResult(infra, current),
    getExecutionEvents(lists, current, watched),
    getEvents(openFeeds(infra)),
    getBatch(infra),
    getBalance(infra),
    getBalanceAlert(infra),
    getOrganizationsBalanceAlert(infra),
    getSpendingGuards(infra),
    getApiKeysSpendingGuards(infra),
    getOrganizationsSpendingGuards(infra),
    getOrganizationsApiKeysSpendingGuards(infra),
    getLedger(lists),
    getUsage(lists),
    getHolds(lists),
    getDeliveries(lists),
    getDelivery(lists),
    getDeliveryAttempts(lists),
    getModels(lists),
    getModel({ ...infra, modelsThen: openModelsThen(infra) }),
    getFile(current),
    getFileDownload(infra, current),
    getFileUrl(infra, current),
    getFileContent(infra, current),
    getApiKeys(lists),
    getEndpoints(lists),
    getEndpoint(infra),
    getOrganizations(lists),
    getOrganization(infra),
    getOrganizationsQuotas(infra),
    getOrganizationsRateLimit(infra),
    getOrganizationsRequirements(infra),
    getRequirements(infra),
    getOrganizationsApiKeys(lists),
    getOperatorKeys(lists),
    getApiKeysRateLimit(infra),
    getProjections(lists),
    getExports(lists),
    getDeadLetters(lists),
    getGroups(lists),
    getProviders(lists),
    getQueues(infra),
    getOperatorExecution(infra),
    getExecutionsRouting(infra),
    getExecutionReceipt(infra, current, log),
    getAuditExport(infra, log),
    getLogCheckpoint(infra),
    getLogCheckpoints(infra),
    ...getLogTile(infra),
    getLogConsistency(infra),
    getLogInclusion(infra),
  ];
}
