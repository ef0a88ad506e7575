/** `top-up`. */
import { randomUUID } from 'node:crypto';
import { StartError } from '../infra/start-error.js';
import { openAdminApi } from './admin-api.js';
import type { Context } from './context.js';
import { asJson } from './table.js';

interface Standing {
  readonly amount: string;
  readonly available: string;
  readonly held: string;
}

export async function topUp(
  context: Context,
  organizationId: string,
  amount: string,
  options: { readonly idempotencyKey?: string; readonly url?: string; readonly json?: true },
): Promise<void> {
  const { idempotencyKey: key = randomUUID(), url, json } = options;
  const api = await openAdminApi(context, url);
  const path = `/organizations/${encodeURIComponent(organizationId)}/top-ups`;
  let standing: Standing;
  try {
    standing = await api.post<Standing>(path, { amount, idempotency_key: key });
  } catch (error) {
    if (!(error instanceof StartError) || error.cause === undefined) throw error;
    // The answer was lost, and the money may have moved.
    throw new StartError(`${error.message} Repeat it with --idempotency-key ${key}.`);
  }
  const { available, held } = standing;
  const told = `$${standing.amount} added: $${available} available, $${held} held`;
  context.print(json ? asJson(standing) : told);
}
