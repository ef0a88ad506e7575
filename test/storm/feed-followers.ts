/**
 * Somebody who follows the feed of a tenant and is killed again and again: what was read and not
 * kept is lost, and read again. In the end it knows what the API shows.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from 'undici';
import type { Balance, ExecutionBody, Tenant } from '../../testing/client.js';
import { eventually } from '../../testing/eventually.js';
import { feedOn, nothingFed, type FedEvent, type FeedView } from '../../testing/feed-view.js';
import type { Random } from '../../testing/random.js';
import type { System } from '../../testing/system.js';

export interface FeedFollower {
  /** How often it was killed. */
  readonly kills: number;
  /** Everything that is wrong with what it knows; to be asked once nothing happens any more. */
  findings(executions: ReadonlyMap<string, ExecutionBody>): Promise<readonly string[]>;
  abandon(): void;
}

/** Between kills. */
const LIFE_MS = [1, 150] as const;
const PAUSE_MS = [5, 60] as const;
const KILLS_MIN = 100;
const CATCH_UP_MS = 60_000;

export function followFeed(
  system: Pick<System, 'baseUrl'>,
  tenant: Tenant,
  random: Random,
): FeedFollower {
  const view = nothingFed();
  const wrong: string[] = [];
  const abandoned = new AbortController();
  let kills = 0;
  let isLeft = false;
  const living = (async () => {
    while (!abandoned.signal.aborted && wrong.length === 0 && !(isLeft && kills >= KILLS_MIN)) {
      const life = random.between(...LIFE_MS);
      const isStream = random.chance(0.5);
      await liveFor(system, tenant, view, { life, isStream, random }).catch((error: unknown) => {
        if (error instanceof Torn) wrong.push(`${tenant.organizationId}: ${error.message}`);
      });
      kills += 1;
      await sleep(random.between(...PAUSE_MS));
    }
  })();
  return {
    get kills() {
      return kills;
    },
    async findings(executions) {
      isLeft = true;
      await living;
      const balance = await tenant.api.balance();
      const differences = () => (wrong.length > 0 ? [] : differencesOf(view, executions, balance));
      await eventually(
        'the follower knows what the API shows',
        async () => {
          if (differences().length === 0) return true;
          const { body } = await tenant.api.call<{ data: readonly FedEvent[] }>(
            'GET',
            `/events?limit=1000&after=${view.sequence}`,
          );
          fed(view, body.data);
          return false;
        },
        CATCH_UP_MS,
      ).catch((error: unknown) => void wrong.push(String(error)));
      return [...wrong, ...differences()];
    },
    abandon: () => abandoned.abort(),
  };
}

/** The feed has a gap, a repeat, or another order. */
class Torn extends Error {}

function fed(view: FeedView, events: readonly FedEvent[]): void {
  try {
    feedOn(view, events);
  } catch (error) {
    throw new Torn(String(error));
  }
}

interface Life {
  readonly life: number;
  readonly isStream: boolean;
  readonly random: Random;
}

/** What a page or an event brought is kept; what is on its way when it is killed is lost. */
async function liveFor(
  { baseUrl }: Pick<System, 'baseUrl'>,
  { api }: Tenant,
  view: FeedView,
  { life, isStream, random }: Life,
): Promise<void> {
  const signal = AbortSignal.timeout(life);
  const headers = {
    authorization: `Bearer ${api.apiKey}`,
    accept: isStream ? 'text/event-stream' : 'application/cloudevents-batch+json',
    ...(isStream && { 'last-event-id': String(view.sequence) }),
  };
  const limit = random.between(1, 50);
  const query = isStream ? '' : `?wait=5&limit=${limit}&after=${view.sequence}`;
  const { statusCode, body } = await request(`${baseUrl}/v1/events${query}`, { headers, signal });
  if (statusCode !== 200) return void (await body.dump());
  if (!isStream) return fed(view, (await body.json()) as FedEvent[]);
  let text = '';
  for await (const bytes of body) {
    const parts = (text + String(bytes)).split('\n\n');
    text = parts.pop() ?? '';
    for (const part of parts) {
      const data = /^data: (.+)$/m.exec(part)?.[1];
      if (data !== undefined) fed(view, [JSON.parse(data) as FedEvent]);
    }
  }
}

const FIELDS = ['status', 'cost', 'started_at', 'completed_at', 'error', 'hold_amount'] as const;

function differencesOf(
  view: FeedView,
  executions: ReadonlyMap<string, ExecutionBody>,
  balance: Balance,
): readonly string[] {
  const findings: string[] = [];
  if (JSON.stringify(view.balance) !== JSON.stringify(balance))
    findings.push(`the feed's balance is ${JSON.stringify(view.balance)}`);
  for (const [id, shown] of executions) {
    const known = view.executions.get(id);
    for (const field of FIELDS)
      if (JSON.stringify(known?.[field]) !== JSON.stringify(shown[field]))
        findings.push(`${id} has in the feed ${field} ${JSON.stringify(known?.[field])}`);
  }
  for (const id of view.executions.keys())
    if (!executions.has(id)) findings.push(`${id} is in the feed alone`);
  return findings;
}
