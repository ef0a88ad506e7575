/** Spending guards are set: what the routes of operators and owners share. */
import type { GuardSetter, SpendingLimits } from '../../contracts/events/account.js';
import type { SetSpendingGuardsBody } from '../../contracts/http/spending-guards.js';
import { isId, type ApiKeyId, type OrganizationId } from '../../contracts/ids.js';
import { parseMoney, type Micros } from '../../contracts/money.js';
import { spendingGuardsBody } from '../../domain/account/spending-body.js';
import type { LimitName } from '../../domain/account/spending.js';
import type { CommandMetadata } from '../../command-handling/command-metadata.js';
import { Refusal, type ApiRequest, type Reply } from '../../http/server/route.js';
import type { Commands } from '../command-infra.js';
import { invalidField, refused } from '../refusals.js';

interface Setting {
  readonly organizationId: OrganizationId;
  /** As the path has it; absent where the organization's are set. */
  readonly keyId?: string | undefined;
  readonly setBy: GuardSetter;
  readonly metadata: CommandMetadata;
}

/** A key that the organization has not is a 404, whose ever it is. */
export async function setSpendingGuards(
  commands: Commands,
  request: ApiRequest,
  { organizationId, keyId, setBy, metadata }: Setting,
): Promise<Reply | Refusal> {
  const changes = changesIn(request.body as SetSpendingGuardsBody);
  const { state } = await commands.organizations.load(organizationId);
  if (state.status === 'none') return new Refusal('NOT_FOUND');
  const apiKeyId = keyId as ApiKeyId | undefined;
  if (apiKeyId && !(isId('key', apiKeyId) && state.keys.includes(apiKeyId)))
    return new Refusal('NOT_FOUND');
  const at = new Date(commands.now()).toISOString();
  const asked = { organizationId, ...(apiKeyId && { apiKeyId }) };
  const command = { type: 'SetSpendingGuard', ...asked, setBy, at, ...changes } as const;
  const result = await commands.accounts.submit(organizationId, { command, metadata });
  if (result.outcome === 'rejected') return refused(result.reason);
  const account = await commands.accountStates.read(organizationId);
  return {
    status: 200,
    body: spendingGuardsBody(account, asked, at),
    logFields: { organizationId, ...(apiKeyId && { keyId: apiKeyId }) },
  };
}

const FIELDS = {
  daily_limit: 'dailyLimit',
  monthly_limit: 'monthlyLimit',
  max_cost_per_execution: 'maxCostPerExecution',
  per_minute: 'perMinute',
} as const satisfies Record<string, LimitName>;

function changesIn(
  body: SetSpendingGuardsBody,
): SpendingLimits & { readonly cleared: readonly LimitName[] } {
  const cleared: LimitName[] = [];
  const limits: Partial<Record<(typeof FIELDS)[keyof typeof FIELDS], Micros>> = {};
  for (const field of Object.keys(FIELDS) as (keyof typeof FIELDS)[]) {
    const text = body[field];
    if (text === null) cleared.push(FIELDS[field]);
    else if (text !== undefined) limits[FIELDS[field]] = amountIn(field, text);
  }
  const { max_in_flight: maxInFlight } = body;
  if (maxInFlight === null) cleared.push('maxInFlight');
  return { ...limits, ...(typeof maxInFlight === 'number' && { maxInFlight }), cleared };
}

/** Throws a `Refusal` when it is no amount, which the schema has refused before. */
export function amountIn(field: string, text: string): Micros {
  const amount = parseMoney(text);
  if (amount === undefined) throw invalidField(field, 'pattern', 'is not an amount');
  return amount;
}
