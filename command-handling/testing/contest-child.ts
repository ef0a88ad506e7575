/**
 * A writer of the specs: `contest-child.ts <url> <instance>`. Told to, it places holds on one
 * account as fast as its callers can, each again under its key after an outage, as a client does.
 */
import type { OrganizationId } from '../../contracts/ids.js';
import { isOutage } from '../../infra/event-store/outage.js';
import { openMetrics } from '../../infra/metrics.js';
import { openPostgresEventStore } from '../../infra/event-store/postgres/postgres.js';
import { openAccounts } from '../accounts/accounts.js';
import { openAccountOwners } from '../account-owner/account-owners.js';
import { hold } from './kit.js';

export interface Contest {
  readonly organizationId: OrganizationId;
  readonly holds: number;
  readonly callers: number;
}

/** What came of the holds so far; `refused` are those for lack of money. */
export interface Standing {
  readonly accepted: number;
  readonly refused: number;
  readonly outages: number;
  /** Commands that the owner decided for this process. */
  readonly forwarded: number;
  readonly isDone: boolean;
  readonly error?: string;
}

const [url = '', instance = ''] = process.argv.slice(2);
const log = { warn: () => undefined, error: () => undefined };
const store = openPostgresEventStore({ url, log });
const metrics = openMetrics();
const owners = await openAccountOwners({
  url,
  log,
  metrics,
  instance,
  key: 'of the specs',
  host: '127.0.0.1',
  port: 0,
});
const accounts = openAccounts({ store, owners, onError: () => undefined });
const SAY_MS = 50;

async function forwarded(): Promise<number> {
  const { values } = await metrics.forwardedCommands.get();
  return values.find(({ labels }) => labels.outcome === 'answered')?.value ?? 0;
}

async function contest({ organizationId, holds, callers }: Contest): Promise<void> {
  const standing = { accepted: 0, refused: 0, outages: 0, forwarded: 0, isDone: false };
  const forwardedBefore = await forwarded();
  const say = async () => {
    standing.forwarded = (await forwarded()) - forwardedBefore;
    process.send?.({ ...standing } satisfies Standing);
  };
  const saying = setInterval(() => void say(), SAY_MS);
  let begun = 0;
  async function place(n: number): Promise<void> {
    const queued = hold({ organizationId, key: `${instance}-${n}` });
    for (;;) {
      try {
        const result = await accounts.submit(organizationId, queued);
        if (result.outcome === 'rejected') standing.refused++;
        else standing.accepted++;
        return;
      } catch (error) {
        if (!isOutage(error)) throw error;
        standing.outages++;
      }
    }
  }
  async function caller(): Promise<void> {
    while (begun < holds) await place(begun++);
  }
  await Promise.all(Array.from({ length: callers }, caller));
  clearInterval(saying);
  standing.isDone = true;
  await say();
}

process.on('message', (told: Contest) => {
  contest(told).catch((error: unknown) => process.send?.({ error: String(error) }));
});
process.on('disconnect', () => process.exit());
process.send?.({
  accepted: 0,
  refused: 0,
  outages: 0,
  forwarded: 0,
  isDone: false,
} satisfies Standing);
