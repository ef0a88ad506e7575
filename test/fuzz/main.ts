/**
 * `make fuzz`: every route from the served OpenAPI document, by Schemathesis, with FUZZ_EXAMPLES
 * (1,000) a route, then hostile clients beside normal traffic. FUZZ_ONLY names a part: `tenant`,
 * `operator` or `clients`; FUZZ_SEED repeats a run. The exit code tells.
 */
import { runEndings } from '../../testing/at-end.js';
import { startSystem } from '../../testing/system.js';
import { hostileClients } from './hostile-clients.js';
import { fuzzRoutes } from './routes.js';

const { env } = process;
const examples = Number(env['FUZZ_EXAMPLES'] ?? 1_000);
const seed = env['FUZZ_SEED'] ?? String(Date.now() % 1_000_000_000);
const only = env['FUZZ_ONLY'];

console.log(`fuzz: ${examples} examples a route; FUZZ_SEED=${seed}`);
try {
  const system = await startSystem();
  const findings = [
    ...(only === 'clients' ? [] : await fuzzRoutes(system, { examples, seed, only })),
    ...(only === undefined || only === 'clients' ? await hostileClients(system) : []),
  ];
  for (const finding of findings) console.log(`FINDING ${finding}`);
  process.exitCode = findings.length === 0 ? 0 : 1;
} finally {
  await runEndings();
}
