import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import type { Model } from '../../contracts/catalogue/catalogue.js';
import { parse, stringify } from 'yaml';
import { estimateFor, holdFor } from '../../domain/pricing/pricing.js';
import { formatMoney } from '../../contracts/money.js';
import { loadCatalogue } from './load-catalogue.js';

const bundled = readFileSync(new URL('../../catalogue.yaml', import.meta.url), 'utf8');
const variables = { SANDBOX_URL: 'http://127.0.0.1:9000' };

const base = `
providers:
  one:
    adapter: openai-chat
    base_url: \${HOME_URL}/one/
    timeout_ms: 1000
    bulkhead: 4
models:
  talk:
    name: Talk
    description: Talks.
    modality: text
    usage_default: { output_tokens: 100 }
    input_schema:
      type: object
      properties: { prompt: { type: string } }
    routes:
      - provider: one
        provider_model: x
        price: { per_request: '0.01' }
        cost: { per_request: '0.004' }
`;

type Tree = Record<string, never>;

/** The problems of the base catalogue after one change to its parsed form. */
function problemsAfter(change: (tree: { providers: Tree; models: Tree }) => void) {
  const tree = parse(base) as { providers: Tree; models: Tree };
  change(tree);
  const result = loadCatalogue(stringify(tree), { HOME_URL: 'https://api.example' });
  return 'problems' in result ? result.problems : [];
}

const at = (tree: unknown, ...path: (string | number)[]) =>
  path.reduce((node, step) => (node as Record<string, unknown>)[step], tree) as Record<
    string,
    unknown
  >;

describe('catalogue: loading', () => {
  it('reads the base, with defaults, prices in micros and variables in URLs', () => {
    const result = loadCatalogue(base, { HOME_URL: 'https://api.example' });
    if (!('catalogue' in result)) throw new Error(result.problems.join());
    const { version, providers, models } = result.catalogue;
    expect(version).to.match(/^[0-9a-f]{16}$/);
    expect(providers.get('one')).to.deep.equal({
      slug: 'one',
      adapter: 'openai-chat',
      baseUrl: 'https://api.example/one',
      honoursIdempotencyKey: false,
      timeoutMs: 1_000,
      bulkhead: 4,
      breaker: { failuresToOpen: 5, successesToClose: 2, openMs: 10_000, halfOpenProbes: 2 },
      poll: { firstMs: 1_000, everyMs: 1_000, maxMs: 15_000 },
    });
    const { routes, expiresInSeconds, attemptsMax, maxWaitMs, usageDefault } = models.get('talk')!;
    expect({ expiresInSeconds, attemptsMax, maxWaitMs, usageDefault }).to.deep.equal({
      expiresInSeconds: 300,
      attemptsMax: 4,
      maxWaitMs: 60_000,
      usageDefault: { outputTokens: 100 },
    });
    expect(routes).to.deep.equal([
      {
        name: 'talk/one',
        provider: 'one',
        providerModel: 'x',
        price: { per_request: 10_000n },
        cost: { per_request: 4_000n },
        priority: 0,
      },
    ]);
  });

  it('names a version after the text alone', () => {
    const versions = [base, base, `${base}# more\n`].map((text) => {
      const result = loadCatalogue(text, { HOME_URL: 'https://api.example' });
      return 'catalogue' in result && result.catalogue.version;
    });
    expect(versions[0]).to.equal(versions[1]).and.not.to.equal(versions[2]);
  });

  it('reads a thousand models of one schema in a second or two', () => {
    const tree = parse(base) as { models: Record<string, unknown> };
    const { talk } = tree.models;
    for (let i = 0; i < 1_000; i++) tree.models[`talk-${i}`] = talk;
    const text = stringify(tree, { aliasDuplicateObjects: false });
    const began = Date.now();
    const result = loadCatalogue(text, { HOME_URL: 'https://api.example' });
    expect('catalogue' in result && result.catalogue.models.size).to.equal(1_001);
    expect(Date.now() - began).to.be.below(6_000);
  });

  it('reads the bundled catalogue: two routes for each model, priced', () => {
    const result = loadCatalogue(bundled, variables);
    if (!('catalogue' in result)) throw new Error(result.problems.join());
    const { models, providers } = result.catalogue;
    const personalitiesOf = ([slug, { routes }]: readonly [string, Model]) => {
      const urls = routes.map(({ provider }) => providers.get(provider)?.baseUrl ?? '');
      return [slug, urls.map((url) => url.replace('http://127.0.0.1:9000/', ''))] as const;
    };
    expect(Object.fromEntries([...models].map(personalitiesOf))).to.deep.equal({
      'text-generation-standard': ['aurora', 'borealis'],
      'text-reasoning': ['altair', 'capella'],
      'flux-1.1-pro': ['aurora', 'borealis'],
      'image-generation-hd': ['polaris', 'borealis'],
      'video-generation-standard': ['vega', 'lyra'],
      'tts-standard': ['aurora', 'borealis'],
      'transcription-standard': ['aurora', 'borealis'],
      'embedding-standard': ['aurora', 'borealis'],
    });
    const { estimated } = estimateFor(models.get('flux-1.1-pro')!, { prompt: 'a boat' });
    expect([formatMoney(estimated), formatMoney(holdFor(estimated))]).to.deep.equal([
      '0.040',
      '0.048',
    ]);
  });
});

describe('catalogue: what is refused, in words', () => {
  const is = (path: string, sentence: RegExp, change: Parameters<typeof problemsAfter>[0]) =>
    it(`${path}: ${sentence.source}`, () => {
      const problems = problemsAfter(change);
      expect(problems).to.have.length(1);
      expect(problems[0]).to.match(sentence);
      expect(problems[0]?.startsWith(`${path}: `), problems[0]).to.equal(true);
    });
  const route = 'models.talk.routes[0]';

  is(`${route}.price`, /a model without a price cannot be dispatched/, (tree) => {
    delete at(tree, 'models', 'talk', 'routes', 0)['price'];
  });
  is(`${route}.price`, /a model without a price cannot be dispatched/, (tree) => {
    at(tree, 'models', 'talk', 'routes', 0)['price'] = {};
  });
  const inTiers =
    (...tiers: readonly object[]) =>
    (tree: unknown) => {
      const price = { per_1m_input_tokens: '1.00', tiers };
      at(tree, 'models', 'talk', 'routes', 0)['price'] = price;
    };
  const above = (tokens: number, dollars: string) => ({
    above_input_tokens: tokens,
    per_1m_input_tokens: dollars,
  });
  is(
    `${route}.price.tiers[1].above_input_tokens`,
    /must be more than 9/,
    inTiers(above(9, '2.00'), above(9, '3.00')),
  );
  is(
    `${route}.price.tiers[1].per_1m_input_tokens`,
    /a larger request may not cost less/,
    inTiers(above(9, '2.00'), above(10, '1.50')),
  );
  is(
    `${route}.price.tiers[0].per_image`,
    /never counted for the modality text/,
    inTiers({ above_input_tokens: 9, per_image: '1.00' }),
  );
  is(
    `${route}.price.tiers[0].per_1k_input_tokens`,
    /prices what per_1m_input_tokens prices, too/,
    inTiers({ ...above(9, '2.00'), per_1k_input_tokens: '0.002' }),
  );
  const declares = (capabilities: object) => (tree: unknown) => {
    at(tree, 'models', 'talk', 'routes', 0)['capabilities'] = capabilities;
  };
  is(`${route}.capabilities`, /'tool' is not known/, declares({ tool: false }));
  is(
    `${route}.capabilities`,
    /does not allow what input.max_tokens is by default/,
    declares({ max_tokens: 99 }),
  );
  is(
    `${route}.capabilities.without`,
    /'seed' is no field of input_schema/,
    declares({ without: ['seed'] }),
  );
  is(`${route}.capabilities.without`, /every input has 'prompt'/, (tree) => {
    const schema = at(tree, 'models', 'talk', 'input_schema');
    schema['properties'] = { prompt: { type: 'string' } };
    schema['required'] = ['prompt'];
    declares({ without: ['prompt'] })(tree);
  });
  is(`${route}.promises.retention`, /none, or nothing is promised/, (tree) => {
    at(tree, 'models', 'talk', 'routes', 0)['promises'] = { retention: 'a month' };
  });
  is(`${route}.price.per_request`, /decimal string in quotes, such as "0.048"/, (tree) => {
    at(tree, 'models', 'talk', 'routes', 0, 'price')['per_request'] = 0.01;
  });
  is(`${route}.price.per_request`, /dollars per unit/, (tree) => {
    at(tree, 'models', 'talk', 'routes', 0, 'price')['per_request'] = '-0.01';
  });
  is(`${route}.price.per_request`, /dollars per unit/, (tree) => {
    at(tree, 'models', 'talk', 'routes', 0, 'price')['per_request'] = '0.0000001';
  });
  is(`${route}.price.per_image`, /never counted for the modality text/, (tree) => {
    at(tree, 'models', 'talk', 'routes', 0, 'price')['per_image'] = '0.01';
  });
  is(route, /'cost' is missing/, (tree) => {
    delete at(tree, 'models', 'talk', 'routes', 0)['cost'];
  });
  is(`${route}.provider`, /there is no provider 'two'/, (tree) => {
    Object.assign(at(tree, 'models', 'talk', 'routes', 0), { provider: 'two', name: 'other' });
  });
  is(`${route}.provider`, /there is no provider 'constructor'/, (tree) => {
    at(tree, 'models', 'talk', 'routes', 0)['provider'] = 'constructor';
  });
  is('models.talk.routes[1]', /two routes are named 'talk\/one'/, (tree) => {
    const routes = at(tree, 'models', 'talk', 'routes') as unknown as unknown[];
    routes.push(routes[0]);
  });
  is('models.talk.usage_default', /'output_tokens' is missing/, (tree) => {
    delete at(tree, 'models', 'talk')['usage_default'];
  });
  is('models.talk.input_schema', /'best_of' asks for more than 'max_tokens' bounds/, (tree) => {
    at(tree, 'models', 'talk', 'input_schema', 'properties')['best_of'] = { type: 'integer' };
  });
  is('models.talk.usage_default.output_tokens', /not the default of 'max_tokens'/, (tree) => {
    at(tree, 'models', 'talk', 'input_schema', 'properties')['max_tokens'] = {
      type: 'integer',
      default: 99,
    };
  });
  is('models.talk.input_schema', /unknown keyword: "requires"/, (tree) => {
    at(tree, 'models', 'talk', 'input_schema')['requires'] = ['prompt'];
  });
  is('models.talk.input_schema', /unknown format "file"/, (tree) => {
    at(tree, 'models', 'talk', 'input_schema', 'properties', 'prompt')['format'] = 'file';
  });
  is('models.talk.input_schema', /schema of an object/, (tree) => {
    at(tree, 'models', 'talk')['input_schema'] = { type: 'array' };
  });
  is('models', /'Talk!' is not a name here \(a slug has/, (tree) => {
    const models = at(tree, 'models');
    models['Talk!'] = models['talk'];
    delete models['talk'];
  });
  is('providers.one.adapter', /'telnet' is no adapter; known are openai-chat/, (tree) => {
    at(tree, 'providers', 'one')['adapter'] = 'telnet';
  });
  is(`${route}.request.as.prompt`, /\(json or first\)/, (tree) => {
    at(tree, 'models', 'talk', 'routes', 0)['request'] = { as: { prompt: 'xml' } };
  });
  is(`${route}.request.as`, /is not read by the adapter openai-chat/, (tree) => {
    at(tree, 'models', 'talk', 'routes', 0)['request'] = { as: { prompt: 'json' } };
  });
  is(`${route}.input_map`, /is not read by the adapter openai-chat/, (tree) => {
    at(tree, 'models', 'talk', 'routes', 0)['input_map'] = { prompt: 'text' };
  });
  is(`${route}.provider`, /'one' speaks image, but the model is text/, (tree) => {
    at(tree, 'providers', 'one')['adapter'] = 'openai-images';
  });
  is('providers.one.base_url', /the variable NOWHERE is not set/, (tree) => {
    at(tree, 'providers', 'one')['base_url'] = '${NOWHERE}/one';
  });
  is('providers.one.webhook_keys_url', /the variable NOWHERE is not set/, (tree) => {
    at(tree, 'providers', 'one')['webhook_keys_url'] = '${NOWHERE}/jwks.json';
  });
  is('providers.one.base_url', /absolute http or https URL/, (tree) => {
    at(tree, 'providers', 'one')['base_url'] = 'ftp://api.example';
  });
  is('providers.one.base_url', /must not carry a credential/, (tree) => {
    at(tree, 'providers', 'one')['base_url'] = 'https://me:pass@api.example';
  });
  is('providers.one.base_url', /neither query nor fragment/, (tree) => {
    at(tree, 'providers', 'one')['base_url'] = 'https://api.example/?key=1';
  });
  is('providers.one.credential_env', /the NAME of the environment variable/, (tree) => {
    at(tree, 'providers', 'one')['credential_env'] = 'sk-abc';
  });
  is('providers.one', /'retries' is not known/, (tree) => {
    at(tree, 'providers', 'one')['retries'] = 3;
  });

  const generic = (change: (described: Record<string, unknown>) => void) => (tree: unknown) => {
    const described = {
      modality: 'text',
      request: { path: '/write', body: { ask: '{{ input.prompt }}' } },
      output: { text: 'words' },
    };
    change(described);
    Object.assign(at(tree, 'providers', 'one'), { adapter: 'generic-json', generic: described });
  };
  is('providers.one.generic', /is missing; the adapter generic-json/, (tree) => {
    at(tree, 'providers', 'one')['adapter'] = 'generic-json';
  });
  is('providers.one.generic', /is read by the adapter generic-json alone/, (tree) => {
    generic(() => undefined)(tree);
    at(tree, 'providers', 'one')['adapter'] = 'openai-chat';
  });
  is(
    'providers.one.generic.request.body.list[1]',
    /'input\.' is no expression: .* at character 6/,
    generic(({ request }) =>
      Object.assign(request as object, { body: { list: ['{{ input.prompt }}', '{{ input. }}'] } }),
    ),
  );
  is(
    'providers.one.generic.output.text',
    /there is no function \$eval here/,
    generic((described) => (described['output'] = { text: '$eval(words)' })),
  );
  is(
    'providers.one.generic.output',
    /'text' is missing; it says where the output is/,
    generic((described) => (described['output'] = { finish_reason: 'why' })),
  );
  is(
    'providers.one.generic.output.images',
    /text has text, finish_reason, tool_calls/,
    generic((described) => (described['output'] = { text: 'words', images: 'x' })),
  );
  is(
    'providers.one.generic.job',
    /needs poll or callback/,
    generic((described) => (described['job'] = { id: 'id' })),
  );
  is(
    'providers.one.generic.status',
    /says when a job is done/,
    generic((described) => (described['job'] = { id: 'id', poll: { path: '/{{ job_id }}' } })),
  );
  is(
    'providers.one.generic.errors.codes.x',
    /one of INPUT_VALIDATION_ERROR, CONTENT_MODERATION_REJECTED/,
    generic((described) => (described['errors'] = { codes: { x: 'INSUFFICIENT_BALANCE' } })),
  );
  is(
    route,
    /'seed' of input_schema is not sent by generic.request, nor in capabilities.without/,
    (tree) => {
      generic(() => undefined)(tree);
      at(tree, 'models', 'talk', 'input_schema', 'properties')['seed'] = { type: 'integer' };
    },
  );
  is(
    `${route}.provider`,
    /'one' speaks image, but the model is text/,
    generic((described) =>
      Object.assign(described, { modality: 'image', output: { images: 'x' } }),
    ),
  );
});

describe('catalogue: what is not even its YAML', () => {
  const problemsOf = (text: string) => {
    const result = loadCatalogue(text, variables);
    return 'problems' in result ? result.problems : [];
  };

  it('refuses repeated keys, unknown tags, other documents and nothing at all', () => {
    expect(problemsOf('providers:\n  a: 1\n  a: 2\n')).to.deep.equal([
      'YAML: Map keys must be unique at line 3, column 3',
    ]);
    expect(problemsOf('providers: !!js 1')[0]).to.match(/^YAML: Unresolved tag/);
    expect(problemsOf('')).to.deep.equal(['the file: must be object']);
    expect(problemsOf('a: [')).to.have.length.above(0);
  });

  it('refuses a bomb of aliases', () => {
    const bomb = Array.from({ length: 9 }, (_, i) =>
      i === 0
        ? 'a0: &a0 [x]'
        : `a${i}: &a${i} [${Array(10)
            .fill(`*a${i - 1}`)
            .join(',')}]`,
    );
    expect(problemsOf(bomb.join('\n'))).to.deep.equal([
      'YAML: Excessive alias count indicates a resource exhaustion attack',
    ]);
  });
});
