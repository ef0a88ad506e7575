/**
 * How much processor time the choice of a route takes, by the number of routes:
 *
 *   node --import tsx bench/routing.ts
 *
 * Every route has capabilities, promises and an observation; a tenth of the circuits is open. The
 * target is 50 µs at 100 routes.
 */
import type { Model, Provider, Route } from '../contracts/catalogue/catalogue.js';
import { chooseRoute, type RoutingFacts } from '../domain/routing/choose-route.js';
import type { ProviderHealth } from '../domain/routing/health.js';
import { closedCircuit } from '../domain/routing/breaker.js';
import type { Observation } from '../domain/routing/observation.js';
import { median } from './statistics.js';

const ROUNDS = 41;
const CHOICES = 2_000;

function factsOf(count: number): RoutingFacts {
  const routes = Array.from({ length: count }, (_, n): Route => ({
    name: `model/provider-${n}`,
    provider: `provider-${n}`,
    providerModel: 'x',
    price: { per_1m_input_tokens: 500_000n + BigInt(n), per_1m_output_tokens: 1_500_000n },
    cost: { per_1m_input_tokens: 300_000n, per_1m_output_tokens: 900_000n - BigInt(n) },
    priority: 0,
    weight: 1 + (n % 3),
    capabilities: { max_tokens: 4_096, tools: n % 4 !== 0 },
    promises: { region: n % 2 === 0 ? 'eu-west' : 'us-east', training: 'never' },
  }));
  const providers = routes.map(({ provider }): [string, Provider] => [
    provider,
    {
      slug: provider,
      adapter: 'openai-chat',
      baseUrl: 'https://api.example',
      honoursIdempotencyKey: true,
      timeoutMs: 60_000,
      bulkhead: 64,
      breaker: { failuresToOpen: 5, successesToClose: 2, openMs: 10_000, halfOpenProbes: 2 },
      poll: { firstMs: 1_000, everyMs: 1_000, maxMs: 15_000 },
    },
  ]);
  const health = routes.map(({ provider }, n): [string, ProviderHealth] => [
    provider,
    {
      circuit: n % 10 === 9 ? { ...closedCircuit, status: 'open', untilMs: 9e15 } : closedCircuit,
      inFlight: n % 64,
    },
  ]);
  const observations = routes.map(({ name }, n): [string, Observation] => [
    name,
    { counts: [], p90Ms: 100 + n, successShare: 1 - n / 1_000, atMs: 0 },
  ]);
  const model: Model = {
    slug: 'model',
    name: 'Model',
    description: 'Model',
    modality: 'text',
    inputSchema: {},
    outputSchema: {},
    expiresInSeconds: 300,
    attemptsMax: 4,
    maxWaitMs: 60_000,
    unknownMaxCost: 10_000n,
    usageDefault: { outputTokens: 256 },
    routes,
  };
  return {
    model,
    providers: new Map(providers),
    health: new Map(health),
    observations: new Map(observations),
    tried: [],
    require: { training: 'never' },
    input: { messages: [{ role: 'user', content: 'Why is the sky blue?' }], max_tokens: 256 },
    usage: { inputTokens: 52, outputTokens: 256 },
    seed: 'exec_7b0a6c1e-52d4-5c0f-9d6a-3e1f0b9c2a44',
    nowMs: 1,
  };
}

function microsecondsOf(facts: RoutingFacts): number {
  const rounds = Array.from({ length: ROUNDS }, () => {
    const before = process.cpuUsage();
    for (let n = 0; n < CHOICES; n++) if (!chooseRoute(facts).chosen) throw new Error('no route');
    const { user, system } = process.cpuUsage(before);
    return (user + system) / CHOICES;
  });
  return median(rounds.slice(1));
}

for (const count of [2, 10, 100])
  process.stdout.write(
    `${String(count).padStart(4)} routes: ${microsecondsOf(factsOf(count)).toFixed(1)} µs\n`,
  );
