/**
 * The command API: every write. A balancer sends it what is neither GET nor HEAD, so it has no
 * route of these.
 */
import type { Route } from '../infra/http/route.js';
import { parseCidrs } from '../infra/outbound/addresses.js';
import { StartError } from '../infra/start-error.js';
import type { CommandInfra, Commands } from './command-infra.js';
import { deleteApiKeys, postApiKeys } from './routes/admin-api-keys.js';
import { postAdjustments, postTopUps } from './routes/admin-money.js';
import { postDeadLettersRetry, postRebuild } from './routes/admin-operations.js';
import { postOrganizations } from './routes/admin-organizations.js';
import { postExecutionsCancel } from './routes/post-executions-cancel.js';
import { postExecutions } from './routes/post-executions.js';

/** Throws `StartError` when the configured networks are none. */
export function commandRoutes(infra: CommandInfra): Route[] {
  const parsed = parseCidrs(infra.config.allowedNetworks);
  if (!parsed.ok) throw new StartError(parsed.reason);
  const commands: Commands = { ...infra, allowedNetworks: parsed.networks };
  return [
    postExecutions(commands),
    postExecutionsCancel(commands),
    postOrganizations(commands),
    postApiKeys(commands),
    deleteApiKeys(commands),
    postTopUps(commands),
    postAdjustments(commands),
    postDeadLettersRetry(commands),
    postRebuild(commands),
  ];
}
