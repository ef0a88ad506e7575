/**
 * `make fuzz`: every route from the served OpenAPI document, by Schemathesis, with FUZZ_EXAMPLES
 * (1,000) a route, then hostile clients beside normal traffic. FUZZ_ONLY names a part: `tenant`,
 * `operator` or `clients`; FUZZ_ROUTES is a regular expression of operation ids; FUZZ_SLICE=2/8
 * takes the second of eight slices of the routes, and no clients; FUZZ_SEED repeats a run. The exit
 * code tells.
 */
import { runEndings } from '../../testing/at-end.js';
import { startSystem } from '../../testing/system.js';
import { hostileClients } from './hostile-clients.js';
import { fuzzRoutes } from './routes.js';

const { env } = process;
const examples = Number(env['FUZZ_EXAMPLES'] ?? 1_000);
const seed = env['FUZZ_SEED'] ?? String(Date.now() % 1_000_000_000);
const only = env['FUZZ_ONLY'];

const [, nth = '1', of = '1'] = /^(\d+)\/(\d+)$/.exec(env['FUZZ_SLICE'] ?? '1/1') ?? [];
const slice = { nth: Number(nth), of: Number(of) };
const routes = env['FUZZ_ROUTES'] === undefined ? undefined : new RegExp(env['FUZZ_ROUTES']);
const isWhole = only === undefined && routes === undefined && slice.of === 1;

console.log(`fuzz: ${examples} examples a route; FUZZ_SEED=${seed}`);
try {
  const system = await startSystem();
  const findings = [
    ...(only === 'clients'
      ? []
      : await fuzzRoutes(system, { examples, seed, only, routes, slice })),
    ...(isWhole || only === 'clients' ? await hostileClients(system) : []),
  ];
  for (const finding of findings) console.log(`FINDING ${finding}`);
  process.exitCode = findings.length === 0 ? 0 : 1;
} finally {
  await runEndings();
}
