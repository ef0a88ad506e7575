/** What waits for providers, and how busy they are. */
import { isHeldOpen } from '../../contracts/events/provider.js';
import { queuesSchema } from '../../contracts/http/operations.js';
import type { Route } from '../../http/server/route.js';
import type { WaitingReport } from '../../infra/process-reports/postgres.js';
import type { QueryInfra } from '../query-infra.js';
import { seenBy, sharesBody, type SeenProvider } from './slot-shares.js';
import { worstCircuit } from './worst-circuit.js';

const ORGANIZATIONS_MAX = 10;

type Needed = Pick<QueryInfra, 'catalogue' | 'now' | 'providerCircuits' | 'reports'>;

export const getQueues = ({ catalogue, reports, now, providerCircuits }: Needed): Route => ({
  method: 'GET',
  path: '/queues',
  summary: 'Show what waits for providers',
  description: 'Slots of each provider, and by model how many executions wait for one, and whose.',
  tag: 'Operations',
  audience: 'operator',
  replySchemas: { 200: queuesSchema },
  async handle() {
    const [current, rows] = await Promise.all([
      reports.current(),
      reports.waitingRows(ORGANIZATIONS_MAX),
    ]);
    const seen = seenBy(current);
    const { models, providers } = catalogue.current();
    const at = new Date(now()).toISOString();
    const bodies = [...providers.values()].map(async ({ slug, bulkhead }) => {
      const { state } = await providerCircuits.load(slug);
      const ofAll = state.get('');
      const isHeld = ofAll !== undefined && isHeldOpen(ofAll, at);
      const body = providerBody(slug, bulkhead, seen);
      return isHeld ? { ...body, circuit: 'open' } : body;
    });
    return {
      status: 200,
      body: {
        providers: await Promise.all(bodies),
        models: [...models.keys()].map((model) => {
          const own = rows.find((row) => row.model === model);
          const inMemory = current.flatMap(({ waiting }) =>
            waiting.filter((one) => one.model === model),
          );
          return {
            model,
            ...sumOf([...inMemory, ...(own ? [own] : [])], now()),
            organizations: (own?.organizations ?? []).map(({ organizationId, waiting }) => ({
              organization_id: organizationId,
              waiting,
            })),
          };
        }),
      },
    };
  },
});

/** A bulkhead is of all processes together. */
function providerBody(provider: string, bulkhead: number, seen: readonly SeenProvider[]) {
  const own = seen.filter((one) => one.provider === provider);
  return {
    provider,
    slots_used: own.reduce((sum, { inUse }) => sum + inUse, 0),
    slots: bulkhead,
    shares: sharesBody(own, bulkhead),
    circuit: worstCircuit(own),
  };
}

function sumOf(parts: readonly WaitingReport[], nowMs: number) {
  const oldestSinceMs = Math.min(nowMs, ...parts.map((part) => part.oldestSinceMs));
  return {
    waiting: parts.reduce((sum, { waiting }) => sum + waiting, 0),
    oldest_seconds: Math.floor((nowMs - oldestSinceMs) / 1_000),
  };
}
