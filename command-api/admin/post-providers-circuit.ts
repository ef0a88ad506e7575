/** The operator takes a provider, or one of its routes, out of routing, or puts it back. */
import {
  circuitSetSchema,
  setCircuitSchema,
  type SetCircuitBody,
} from '../../contracts/http/operations.js';
import type * as ProviderCircuits from '../../domain/provider/provider.js';
import { Refusal, type ApiRequest, type Reply, type Route } from '../../http/server/route.js';
import { operatorMetadata } from '../command-metadata.js';
import type { Commands } from '../command-infra.js';
import { invalidField } from '../refusals.js';

type Needed = Pick<Commands, 'catalogue' | 'now' | 'providerCircuits'>;

const FOR_SECONDS = 3_600;

export const postProvidersCircuit = (commands: Needed): Route => ({
  method: 'POST',
  path: '/providers/{slug}/circuit',
  operationId: 'adminSetProviderCircuit',
  summary: "Open or close a provider's circuit",
  description:
    'Open: no call is made for so long, whatever a process finds; executions go elsewhere, or ' +
    'wait as long as their model allows. Closed: calls pass again, also where a process had ' +
    'opened it or the provider had asked to be left alone (429). Every process knows it within ' +
    'two seconds. Calls under way go on. Both need a `reason`.',
  tag: 'Operations',
  audience: 'operator',
  bodySchema: setCircuitSchema,
  replySchemas: { 200: circuitSetSchema },
  refusals: ['NOT_FOUND'],
  handle: (request) => handle(commands, request),
});

async function handle(commands: Needed, request: ApiRequest): Promise<Reply | Refusal> {
  const { slug = '' } = request.params;
  const body = request.body as SetCircuitBody;
  const { models, providers } = commands.catalogue.current();
  if (!providers.has(slug)) return new Refusal('NOT_FOUND');
  const routes = [...models.values()].flatMap((model) => model.routes);
  const { route, state, reason } = body;
  if (route !== undefined && !routes.some((one) => one.name === route && one.provider === slug))
    return invalidField('route', 'unknown', 'is no route to this provider');
  const command = commandOf(commands, request, slug, body);
  const metadata = { ...operatorMetadata(request, slug), reason };
  await commands.providerCircuits.transact(slug, command, metadata);
  const until = command.type === 'Open' ? command.data.until : null;
  return {
    status: 200,
    body: { provider: slug, route: route ?? null, state, until },
    logFields: { provider: slug, circuit: state },
  };
}

function commandOf(
  { now }: Pick<Needed, 'now'>,
  { actor }: ApiRequest,
  provider: string,
  { state, route, for_seconds: seconds = FOR_SECONDS }: SetCircuitBody,
): ProviderCircuits.Command {
  const atMs = now();
  const data = {
    provider,
    ...(route !== undefined && { route }),
    foundBy: actor,
    byOperator: true,
    at: new Date(atMs).toISOString(),
  };
  if (state === 'closed') return { type: 'Close', data };
  const until = new Date(atMs + seconds * 1_000).toISOString();
  return { type: 'Open', data: { ...data, until } };
}
