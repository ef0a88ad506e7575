/** What the linters of `make deploy-check` cannot know: that what deploys speaks of this system. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { parse, parseAllDocuments } from 'yaml';
import { ROLES } from '../../infra/config/config.js';
import { openMetrics } from '../../infra/metrics.js';

interface Service {
  readonly image: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly entrypoint?: readonly string[];
  readonly healthcheck?: object;
  readonly restart?: string;
  readonly security_opt: readonly string[];
  readonly cap_drop: readonly string[];
  readonly read_only?: boolean;
  readonly stop_grace_period?: string;
  readonly build?: object;
  readonly deploy: { readonly resources: { readonly limits: Readonly<Record<string, string>> } };
}

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly template: {
      readonly metadata: { readonly labels: Readonly<Record<string, string>> };
      readonly spec: {
        readonly terminationGracePeriodSeconds: number;
        readonly containers: readonly Container[];
      };
    };
  };
}

interface Container {
  readonly name: string;
  readonly image: string;
  readonly env?: readonly { readonly name: string }[];
  readonly lifecycle: { readonly preStop: { readonly sleep: { readonly seconds: number } } };
}

interface Kustomization {
  readonly images?: readonly { readonly newTag: string }[];
  readonly configMapGenerator?: readonly { readonly literals?: readonly string[] }[];
}

const KUBERNETES = 'deploy/kubernetes';
const textOf = (path: string) => readFileSync(path, 'utf8');
const yamlOf = <T>(path: string) => parse(textOf(path), { merge: true }) as T;
const manifestsOf = (path: string) =>
  parseAllDocuments(textOf(path)).map((document) => document.toJS() as Manifest);
const filesBelow = (dir: string, ending: string) =>
  (readdirSync(dir, { recursive: true }) as string[])
    .filter((path) => path.endsWith(ending))
    .map((path) => join(dir, path));
/** `NAME=value` lines, comments apart. */
const settingsOf = (path: string) =>
  textOf(path)
    .split('\n')
    .filter((line) => /^[A-Z]/.test(line))
    .map((line) => line.split('=', 2) as [string, string]);

describe('what deploys', () => {
  const { services } = yamlOf<{ services: Record<string, Service> }>('deploy/compose.yaml');
  const ours = Object.entries(services).filter(([, { build }]) => build);
  const base = filesBelow(`${KUBERNETES}/base`, '.yaml')
    .filter((path) => !path.endsWith('kustomization.yaml'))
    .flatMap(manifestsOf);
  const common = base.find(
    ({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'any',
  );
  const configured = new Set(
    [...textOf('infra/config/config.ts').matchAll(/env(?:\[|, )'([A-Z0-9_]+)'/g)].map(
      ([, name]) => name ?? '',
    ),
  );
  const drainMs = Number(
    /DRAIN_MS = ([\d_]+)/.exec(textOf('runtime/supervise.ts'))?.[1]?.replaceAll('_', ''),
  );

  it('names only variables that configuration reads', () => {
    const kustomizations = filesBelow(KUBERNETES, 'kustomization.yaml').map(yamlOf<Kustomization>);
    const named = [
      ...ours.flatMap(([, { environment = {} }]) => Object.keys(environment)),
      ...kustomizations.flatMap(({ configMapGenerator = [] }) =>
        configMapGenerator.flatMap(({ literals = [] }) =>
          literals.map((literal) => literal.split('=', 1)[0] ?? ''),
        ),
      ),
      ...filesBelow(KUBERNETES, 'secrets.env.example').flatMap((path) =>
        settingsOf(path).map(([name]) => name),
      ),
      ...[...base, ...manifestsOf(`${KUBERNETES}/components/sandbox/sandbox.yaml`)]
        .flatMap((manifest) => manifest.spec?.template?.spec?.containers ?? [])
        .filter(({ image }) => image === 'modelroute')
        .flatMap(({ env = [] }) => env.map(({ name }) => name)),
    ];
    expect(named.length).to.be.greaterThan(30);
    expect(named.filter((name) => !configured.has(name))).to.deep.equal([]);
  });

  it('asks for what it interpolates in .env.example, or has a default', () => {
    const offered = new Set(settingsOf('deploy/.env.example').map(([name]) => name));
    const asked = [...textOf('deploy/compose.yaml').matchAll(/\$\{([A-Z0-9_]+)(:-)?/g)];
    const unknown = asked.filter(([, name, hasDefault]) => !hasDefault && !offered.has(name ?? ''));
    expect(unknown.map(([, name]) => name)).to.deep.equal([]);
  });

  it('has no secret of its own', () => {
    const isSecret = (name: string) => /PASSWORD|_KEY|SECRET/.test(name);
    const withDefault = [...textOf('deploy/compose.yaml').matchAll(/\$\{([A-Z0-9_]+):-/g)];
    expect(withDefault.map(([, name = '']) => name).filter(isSecret)).to.deep.equal([]);
    const examples = ['deploy/.env.example', ...filesBelow(KUBERNETES, 'secrets.env.example')];
    const filled = examples
      .flatMap(settingsOf)
      .filter(([name, value]) => isSecret(name) && value !== '');
    expect(filled).to.deep.equal([]);
  });

  it('runs every role, in compose and in Kubernetes, and scrapes each that has figures', () => {
    const inCompose = ours.map(([, { environment }]) => environment?.['MODELROUTE_ROLES']);
    expect(inCompose.toSorted()).to.deep.equal([...ROLES].toSorted());
    const workers = ROLES.filter((role) => role !== 'sandbox').toSorted();
    const label = 'modelroute.dev/role';
    const deployed = base
      .filter(({ kind }) => kind === 'Deployment')
      .flatMap((manifest) => manifest.spec.template.metadata.labels?.[label] ?? []);
    expect(deployed.toSorted()).to.deep.equal(workers);
    const { scrape_configs: jobs } = yamlOf<{
      scrape_configs: { job_name: string; dns_sd_configs: { names: string[] }[] }[];
    }>('deploy/prometheus/prometheus.yml');
    const scraped = jobs.find(({ job_name: name }) => name === 'modelroute')?.dns_sd_configs;
    expect(scraped?.flatMap(({ names }) => names).toSorted()).to.deep.equal(workers);
  });

  it('scrapes with the key that compose gives to both sides', () => {
    const { scrape_configs: jobs } = yamlOf<{
      scrape_configs: { job_name: string; authorization?: { credentials_file: string } }[];
    }>('deploy/prometheus/prometheus.yml');
    const { authorization } = jobs.find(({ job_name: name }) => name === 'modelroute') ?? {};
    const { entrypoint = [], environment = {} } = services['prometheus'] ?? {};
    const name = 'MODELROUTE_METRICS_KEY';
    expect(entrypoint.join(' ')).to.contain(`"$$${name}" > ${authorization?.credentials_file};`);
    const given = [environment[name], ...ours.map(([, { environment: of }]) => of?.[name])];
    const asked = `\${${name}:?set it in deploy/.env}`;
    expect(given.filter((value) => value !== undefined)).to.deep.equal(
      [asked].concat(ROLES.filter((role) => role !== 'sandbox').map(() => asked)),
    );
  });

  it('gives each process longer to end than it takes to drain', () => {
    expect(drainMs).to.be.greaterThan(0);
    for (const [name, { stop_grace_period: grace = '0s' }] of ours)
      expect(Number.parseInt(grace) * 1000, name).to.be.greaterThan(drainMs);
    const pod = common?.spec.template.spec;
    const sleepSeconds = pod?.containers[0]?.lifecycle.preStop.sleep.seconds ?? 0;
    const graceMs = (pod?.terminationGracePeriodSeconds ?? 0) * 1000;
    expect(graceMs).to.be.greaterThan(drainMs + sleepSeconds * 1000);
  });

  it('pins one version of everything', () => {
    const { version } = JSON.parse(textOf('package.json')) as { version: string };
    const { images = [] } = yamlOf<Kustomization>(`${KUBERNETES}/base/kustomization.yaml`);
    expect(images.map(({ newTag }) => newTag)).to.deep.equal([version]);
    expect([...new Set(ours.map(([, { image }]) => image))]).to.deep.equal([
      `modelroute:${version}`,
    ]);
    const balancers = [
      ...base.flatMap((manifest) => manifest.spec?.template?.spec?.containers ?? []),
    ]
      .filter(({ name }) => name === 'haproxy')
      .map(({ image }) => image);
    expect(balancers).to.deep.equal([services['balancer']?.image]);
    const unpinned = Object.values(services).filter(
      ({ image }) => !/:v?\d+\.\d+[\w.-]*$/.test(image),
    );
    expect(unpinned.map(({ image }) => image)).to.deep.equal([]);
  });

  it('lets no service of compose do more than it must', () => {
    for (const [name, service] of Object.entries(services)) {
      expect(service.security_opt, name).to.deep.equal(['no-new-privileges:true']);
      expect(service.cap_drop, name).to.deep.equal(['ALL']);
      expect(service.deploy.resources.limits, name).to.have.all.keys('cpus', 'memory');
      const isAsked = service.healthcheck ?? service.build ?? service.restart === 'no';
      expect(Boolean(isAsked), `${name} has a health check`).to.equal(true);
    }
    for (const [name, service] of ours) expect(service.read_only, name).to.equal(true);
  });

  it('builds its image from every room of the build', () => {
    const rooms = /const rooms = \[([^\]]+)\]/.exec(textOf('scripts/build.mjs'))?.[1] ?? '';
    const names = [...rooms.matchAll(/'([\w-]+)'/g)].map(([, name]) => `!${name}`);
    expect(names.length).to.be.greaterThan(5);
    expect(textOf('.dockerignore').split('\n')).to.include.members(names);
  });

  it('charts and watches only figures that there are', async () => {
    const { registry } = openMetrics();
    const known = registry
      .getMetricsAsArray()
      .flatMap((metric) => [
        metric.name,
        ...['bucket', 'count', 'sum'].map((part) => `${metric.name}_${part}`),
      ]);
    const { panels } = JSON.parse(textOf('deploy/grafana/dashboards/modelroute.json')) as {
      panels: { targets?: { expr: string }[] }[];
    };
    const { groups } = yamlOf<{ groups: { rules: { expr: string }[] }[] }>(
      'deploy/prometheus/alerts.yml',
    );
    const expressions = [
      ...panels.flatMap(({ targets = [] }) => targets),
      ...groups.flatMap(({ rules }) => rules),
    ].map(({ expr }) => expr);
    expect(expressions.length).to.be.greaterThan(30);
    const unknown = expressions
      .flatMap(metricsIn)
      .filter((name) => !['up', ...known].includes(name));
    expect(unknown).to.deep.equal([]);
    registry.clear();
  });
});

/** What is left of PromQL without selectors, ranges, groupings, functions and operators. */
function metricsIn(expression: string): string[] {
  const bare = expression
    .replaceAll(/\{[^{}]*"[^{}]*\}|\{\}/g, ' ')
    .replaceAll(/\{[^}]*\}/g, ' ')
    .replaceAll(/\[[^\]]*\]/g, ' ')
    .replaceAll(/\b(by|without|on|ignoring)\s*\([^)]*\)/g, ' ')
    .replaceAll(/\b(and|or|unless)\b/g, ' ');
  return [...bare.matchAll(/\b([a-zA-Z_:][\w:]*)\b(?!\s*\()/g)].map(([, name]) => name ?? '');
}
