/** How providers and their routes are: what is in flight, and what rests until when. */
import { providersSchema } from '../../contracts/http/operations.js';
import type { Route } from '../../http/server/route.js';
import type { ProviderReport } from '../../infra/process-reports/postgres.js';
import type { QueryInfra } from '../query-infra.js';
import { worstCircuit } from './worst-circuit.js';

export const getProviders = ({
  catalogue,
  reports,
}: Pick<QueryInfra, 'catalogue' | 'reports'>): Route => ({
  method: 'GET',
  path: '/providers',
  summary: 'Show how providers and their routes are',
  description: 'Calls under way and the state of each circuit, over all processes.',
  tag: 'Operations',
  audience: 'operator',
  replySchemas: { 200: providersSchema },
  async handle() {
    const seen = (await reports.current()).flatMap(({ providers }) => providers);
    const { models, providers } = catalogue.current();
    const routes = [...models.values()].flatMap((model) =>
      model.routes.map((route) => ({ ...route, model: model.slug })),
    );
    const data = [...providers.values()].map(({ slug, adapter, bulkhead }) => {
      const own = seen.filter(({ provider }) => provider === slug);
      return {
        provider: slug,
        adapter,
        in_flight: own.reduce((sum, { inUse }) => sum + inUse, 0),
        slots: bulkhead * Math.max(1, own.length),
        ...circuitBody(own),
        routes: routes
          .filter(({ provider }) => provider === slug)
          .map(({ name, model }) => ({
            route: name,
            model,
            ...circuitBody(
              own.flatMap((report) => (report.routes ?? []).filter(({ route }) => route === name)),
            ),
          })),
      };
    });
    return { status: 200, body: { data } };
  },
});

type Seen = Pick<ProviderReport, 'circuit' | 'restsUntilMs' | 'restsOnlyFor'>;

/** What the process sees to which it looks worst. */
function circuitBody(seen: readonly Seen[]) {
  const untilMs = Math.max(0, ...seen.map(({ restsUntilMs = 0 }) => restsUntilMs));
  const resting = seen.filter(({ circuit }) => circuit !== 'closed');
  const isForOne = resting.length > 0 && resting.every(({ restsOnlyFor }) => restsOnlyFor);
  return {
    circuit: worstCircuit(seen),
    rests_until: untilMs > 0 ? new Date(untilMs).toISOString() : null,
    rests_only_for: (isForOne && resting[0]?.restsOnlyFor) || null,
  };
}
