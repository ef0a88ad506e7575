/** How providers and their routes are: what is in flight, and what rests until when. */
import { isHeldOpen, type ProviderCircuitOpened } from '../../contracts/events/provider.js';
import { providersSchema } from '../../contracts/http/operations.js';
import { pageFields, queryObject } from '../../contracts/http/parts.js';
import type { ApiRequest, Reply, Route } from '../../http/server/route.js';
import type { ProviderReport } from '../../infra/process-reports/postgres.js';
import { listReply, pageOfWhole, type ListName } from '../cursor.js';
import { OPERATORS, type ListInfra, type QueryInfra } from '../query-infra.js';
import { seenBy, sharesBody } from './slot-shares.js';
import { worstCircuit } from './worst-circuit.js';

type Opened = ProviderCircuitOpened['data'];

type Needed = Pick<QueryInfra, 'catalogue' | 'now' | 'providerCircuits' | 'reports'> &
  Pick<ListInfra, 'cursors'>;

const LIST: ListName = ['providers', OPERATORS];

export const getProviders = (infra: Needed): Route => ({
  method: 'GET',
  path: '/providers',
  summary: 'Show how providers and their routes are',
  description: 'Calls under way and the state of each circuit, over all processes.',
  tag: 'Operations',
  audience: 'operator',
  querySchema: queryObject(pageFields),
  replySchemas: { 200: providersSchema },
  replyHeaders: ['Link'],
  handle: (request) => handle(infra, request),
});

async function handle(
  { catalogue, cursors, now, providerCircuits, reports }: Needed,
  request: ApiRequest,
): Promise<Reply> {
  const seen = seenBy(await reports.current());
  const { models, providers } = catalogue.current();
  const routes = [...models.values()].flatMap((model) =>
    model.routes.map((route) => ({ ...route, model: model.slug })),
  );
  const at = new Date(now()).toISOString();
  const items = [...providers.values()];
  const page = pageOfWhole(cursors, request, LIST, { items, keyOf: ({ slug }) => slug });
  const opened = await Promise.all(page.data.map(({ slug }) => providerCircuits.load(slug)));
  const data = page.data.map(({ slug, adapter, bulkhead }, index) => {
    const held = (route = '') => heldBody(opened[index]?.state.get(route), at);
    const heldOpen = held();
    const own = seen.filter(({ provider }) => provider === slug);
    return {
      provider: slug,
      adapter,
      in_flight: own.reduce((sum, { inUse }) => sum + inUse, 0),
      slots: bulkhead,
      shares: sharesBody(own, bulkhead),
      ...circuitBody(own, heldOpen),
      held_open: heldOpen,
      routes: routes
        .filter(({ provider }) => provider === slug)
        .map(({ name, model }) => {
          const ofRoute = held(name);
          const seenOfRoute = own.flatMap(({ routes: some = [] }) =>
            some.filter(({ route }) => route === name),
          );
          return {
            route: name,
            model,
            ...circuitBody(seenOfRoute, ofRoute),
            held_open: ofRoute,
          };
        }),
    };
  });
  return listReply(request, { ...page, data });
}

function heldBody(opened: Opened | undefined, at: string) {
  if (!opened || !isHeldOpen(opened, at)) return null;
  return { until: opened.until, since: opened.at, by: opened.foundBy };
}

type Seen = Pick<ProviderReport, 'circuit' | 'restsUntilMs' | 'restsOnlyFor'>;

/** What an operator decided, also while no process calls; else the worst that one sees. */
function circuitBody(seen: readonly Seen[], heldOpen: ReturnType<typeof heldBody>) {
  if (heldOpen) return { circuit: 'open', rests_until: heldOpen.until, rests_only_for: null };
  const untilMs = Math.max(0, ...seen.map(({ restsUntilMs = 0 }) => restsUntilMs));
  const resting = seen.filter(({ circuit }) => circuit !== 'closed');
  const isForOne = resting.length > 0 && resting.every(({ restsOnlyFor }) => restsOnlyFor);
  return {
    circuit: worstCircuit(seen),
    rests_until: untilMs > 0 ? new Date(untilMs).toISOString() : null,
    rests_only_for: (isForOne && resting[0]?.restsOnlyFor) || null,
  };
}
