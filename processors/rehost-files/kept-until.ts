/** Until when an output is kept: as long as its model says, else its organization. */
import type { ExecutionRequested } from '../../contracts/events/execution.js';
import type { Timestamp } from '../../contracts/events/envelope.js';
import type { Infra } from '../../runtime/infra.js';

const DAY_MS = 86_400_000;

export function keptUntil(
  { catalogue, quotas }: Pick<Infra, 'catalogue' | 'quotas'>,
  { organizationId, model }: Pick<ExecutionRequested['data'], 'organizationId' | 'model'>,
  at: Timestamp,
): Timestamp {
  const { fileTtlDays: modelDays } = catalogue.current().models.get(model) ?? {};
  const days = modelDays ?? quotas.of(organizationId).fileTtlDays;
  return new Date(Date.parse(at) + days * DAY_MS).toISOString();
}
