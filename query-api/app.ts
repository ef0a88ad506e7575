/** The query API: every read. A balancer sends it what is GET or HEAD, so it has no other route. */
import type { Route } from '../infra/http/route.js';
import { openCurrent } from './current.js';
import type { QueryInfra } from './query-infra.js';
import { getApiKeys } from './routes/admin-api-keys.js';
import { getOperatorExecution } from './routes/admin-execution.js';
import { getDeadLetters, getGroups } from './routes/admin-operations.js';
import { getOrganizations } from './routes/admin-organizations.js';
import { getProjections } from './routes/admin-projections.js';
import { getBalance } from './routes/get-balance.js';
import { getExecution } from './routes/get-execution.js';
import { getExecutionEvents } from './routes/get-execution-events.js';
import { getExecutionResult } from './routes/get-execution-result.js';
import { getExecutions } from './routes/get-executions.js';
import { getFile, getFileDownload } from './routes/get-file.js';
import { getHolds } from './routes/get-holds.js';
import { getLedger } from './routes/get-ledger.js';
import { getModel, getModels } from './routes/get-models.js';

export function queryRoutes(infra: QueryInfra): Route[] {
  const current = openCurrent(infra);
  return [
    getExecutions(infra),
    getExecution(current),
    getExecutionResult(infra, current),
    getExecutionEvents(infra),
    getBalance(infra),
    getLedger(infra),
    getHolds(infra),
    getModels(infra),
    getModel(infra),
    getFile(current),
    getFileDownload(infra, current),
    getOrganizations(infra),
    getApiKeys(infra),
    getProjections(infra),
    getDeadLetters(infra),
    getGroups(infra),
    getOperatorExecution(infra),
  ];
}
