/**
 * The command API: every write. A balancer sends it what is neither GET nor HEAD, so it has no
 * route of these.
 */
import type { Route } from '../http/server/route.js';
import { parseCidrs } from '../http/client/addresses.js';
import { StartError } from '../infra/start-error.js';
import type { CommandInfra, Commands } from './command-infra.js';
import { patchOrganizationsQuotas } from './admin/patch-organizations-quotas.js';
import { deleteExports } from './admin/delete-exports.js';
import { putExports } from './admin/put-exports.js';
import { deleteOperatorKeys } from './admin/delete-operator-keys.js';
import { postDeadLettersDrop } from './admin/post-dead-letters-drop.js';
import { patchOrganizationsRateLimit } from './admin/patch-organizations-rate-limit.js';
import { postDeadLettersRedrive } from './admin/post-dead-letters-redrive.js';
import { postOperatorKeys } from './admin/post-operator-keys.js';
import { postOrganizations } from './admin/post-organizations.js';
import { postOrganizationsDataKeys } from './admin/post-organizations-data-keys.js';
import { postOrganizationsErase } from './admin/post-organizations-erase.js';
import {
  postProjectionsRebuild,
  postProjectionsRebuildAll,
} from './admin/post-projections-rebuild.js';
import { postProvidersCircuit } from './admin/post-providers-circuit.js';
import { deleteApiKeys } from './api-keys/delete-api-keys.js';
import { patchApiKeysRateLimit } from './api-keys/patch-api-keys-rate-limit.js';
import { deleteOrganizationsApiKeys } from './api-keys/delete-organizations-api-keys.js';
import { patchApiKeys } from './api-keys/patch-api-keys.js';
import { patchOrganizationsApiKeys } from './api-keys/patch-organizations-api-keys.js';
import { postApiKeys } from './api-keys/post-api-keys.js';
import { postApiKeysRotate } from './api-keys/post-api-keys-rotate.js';
import { postOrganizationsApiKeys } from './api-keys/post-organizations-api-keys.js';
import { postOrganizationsApiKeysRotate } from './api-keys/post-organizations-api-keys-rotate.js';
import { postAdjustments } from './billing/post-adjustments.js';
import { postTopUps } from './billing/post-top-ups.js';
import { postCallbacks } from './callbacks/post-callbacks.js';
import { deleteFiles } from './files/delete-files.js';
import { postFilesConfirm } from './files/post-files-confirm.js';
import { postFilesUpload } from './files/post-files-upload.js';
import { putFilesUpload } from './files/put-files-upload.js';
import { openUploadSlots } from './files/upload-slots.js';
import {
  patchOrganizationsApiKeysSpendingGuards,
  patchOrganizationsSpendingGuards,
} from './spending/patch-organizations-spending-guards.js';
import {
  patchApiKeysSpendingGuards,
  patchSpendingGuards,
} from './spending/patch-spending-guards.js';
import { putBalanceAlert, putOrganizationsBalanceAlert } from './spending/put-balance-alert.js';
import { putOrganizationsRequirements } from './requirements/put-organizations-requirements.js';
import { putRequirements } from './requirements/put-requirements.js';
import { deleteExecutionsPayloads } from './executions/delete-executions-payloads.js';
import { postExecutionsCancel } from './executions/post-executions-cancel.js';
import { postExecutionsEstimate } from './executions/post-executions-estimate.js';
import { postExecutionsRetry } from './executions/post-executions-retry.js';
import { postBatchesCancel } from './batches/post-batches-cancel.js';
import { postExecutionsBatch } from './batches/post-executions-batch.js';
import { postExecutions } from './executions/post-executions.js';
import { openChangeSettings } from './webhooks/change-settings.js';
import { deleteEndpoints } from './webhooks/delete-endpoints.js';
import { patchEndpoints } from './webhooks/patch-endpoints.js';
import { postDeliveriesRedeliver } from './webhooks/post-deliveries-redeliver.js';
import { postEndpoints } from './webhooks/post-endpoints.js';
import { postEndpointsRecover } from './webhooks/post-endpoints-recover.js';
import { postEndpointsRotateSecret } from './webhooks/post-endpoints-rotate-secret.js';
import { postEndpointsTest } from './webhooks/post-endpoints-test.js';
import { postSigningSecretRotate } from './webhooks/post-signing-secret-rotate.js';

/** Throws `StartError` when the configured networks are none. */
export function commandRoutes(infra: CommandInfra): Route[] {
  const parsed = parseCidrs(infra.config.allowedNetworks);
  if (!parsed.ok) throw new StartError(parsed.reason);
  const commands: Commands = { ...infra, allowedNetworks: parsed.networks };
  const changeSettings = openChangeSettings(commands);
  const uploadSlots = openUploadSlots();
  return [
    postExecutions(commands),
    postExecutionsEstimate(commands),
    postExecutionsBatch(commands),
    postExecutionsCancel(commands),
    postExecutionsRetry(commands),
    deleteExecutionsPayloads(commands),
    postBatchesCancel(commands),
    postFilesUpload(commands),
    putFilesUpload(commands, uploadSlots),
    postFilesConfirm(commands, uploadSlots),
    deleteFiles(commands),
    postEndpoints(commands, changeSettings),
    patchEndpoints(commands, changeSettings),
    deleteEndpoints(commands, changeSettings),
    postEndpointsTest(commands),
    postEndpointsRotateSecret(commands, changeSettings),
    postSigningSecretRotate(commands, changeSettings),
    postApiKeys(commands),
    patchApiKeys(commands),
    postApiKeysRotate(commands),
    deleteApiKeys(commands),
    postEndpointsRecover(commands),
    postDeliveriesRedeliver(commands),
    postCallbacks(commands),
    postOrganizations(commands),
    postOrganizationsDataKeys(commands),
    postOrganizationsErase(commands),
    patchOrganizationsQuotas(commands),
    patchOrganizationsRateLimit(commands),
    putOrganizationsRequirements(commands),
    putRequirements(commands),
    patchApiKeysRateLimit(commands),
    putBalanceAlert(commands),
    putOrganizationsBalanceAlert(commands),
    patchSpendingGuards(commands),
    patchApiKeysSpendingGuards(commands),
    patchOrganizationsSpendingGuards(commands),
    patchOrganizationsApiKeysSpendingGuards(commands),
    postOrganizationsApiKeys(commands),
    patchOrganizationsApiKeys(commands),
    postOrganizationsApiKeysRotate(commands),
    deleteOrganizationsApiKeys(commands),
    postTopUps(commands),
    postAdjustments(commands),
    postOperatorKeys(commands),
    deleteOperatorKeys(commands),
    postDeadLettersRedrive(commands),
    postDeadLettersDrop(commands),
    postProjectionsRebuild(commands),
    postProjectionsRebuildAll(commands),
    postProvidersCircuit(commands),
    putExports(commands),
    deleteExports(commands),
  ];
}
