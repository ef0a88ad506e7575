import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { configFrom } from '../../infra/config/config.js';
import { loadCatalogue } from '../../providers/catalogue/load-catalogue.js';
import type { StartError } from '../../infra/start-error.js';
import type { Context } from '../context.js';
import { decimalOf, microsOf } from './decimal.js';
import { importList } from './import-list.js';
import { slugOf } from './listed-model.js';

const catalogue = `# The operator's own words.
providers: # who runs them
  openrouter:
    adapter: openai-chat
    base_url:   https://openrouter.ai/api/v1
    credential_env: OPENROUTER_API_KEY
    timeout_ms: 60000 # a minute
    bulkhead: 4
  # A comment under the last provider.

# Models, over their key.
models:
  mini:
    name: Mini
    description: 'Small.'
    modality: text
    usage_default: {output_tokens: 100}
    input_schema: { type: object, properties: { prompt: { type: string } } }
    routes:
      # the cheap one
      - provider: openrouter
        provider_model: openai/gpt-4o-mini
        price: { per_1m_input_tokens: '0.2', per_1m_output_tokens: '0.7' }
        cost:
          per_1m_input_tokens: '0.2' # a cent is a cent
          per_1m_output_tokens: '0.6'
      - name: old
        provider: openrouter
        provider_model: gone/model
        price: { per_request: '0.01' }
        cost: { per_request: '0.01' }
`;

const openRouter = {
  data: [
    {
      id: 'openai/gpt-4o-mini',
      name: 'OpenAI: GPT-4o-mini',
      context_length: 128_000,
      architecture: { input_modalities: ['text', 'image'], output_modalities: ['text'] },
      pricing: { prompt: '0.00000015', completion: '0.0000006', request: '0' },
      top_provider: { max_completion_tokens: 16_384 },
      supported_parameters: ['tools', 'response_format'],
    },
    {
      id: 'Vendor/New_Model:free',
      name: 'New',
      description: 'It is\n new.',
      context_length: 4_096,
      pricing: { prompt: '0', completion: '0.000000000001' },
      top_provider: { max_completion_tokens: null },
    },
    { id: 'a/fine', pricing: { prompt: '0.0000000000001', completion: '0' } },
    { id: 'openrouter/auto', pricing: { prompt: '-1', completion: '-1' } },
    { id: 'a/painter', architecture: { output_modalities: ['image'] }, pricing: {} },
  ],
};

const NEW =
  '+ vendor-new-model-free  Vendor/New_Model:free  ' +
  '1m_input_tokens 0.000, 1m_output_tokens 0.000001';

describe('catalogue import', () => {
  let dir: string;
  let into: string;
  let printed: string[];
  let context: Context;

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'import-'));
    into = join(dir, 'catalogue.yaml');
    printed = [];
    context = {
      config: () => configFrom({}),
      env: () => ({}),
      processEnv: {},
      signal: new AbortController().signal,
      print: (line) => void printed.push(line),
      endWith: () => undefined,
    };
    await writeFile(into, catalogue, { mode: 0o640 });
  });
  afterEach(() => rm(dir, { recursive: true }));

  const run = async (kind: string, list: unknown, options: object = {}) => {
    const path = join(dir, 'list.json');
    await writeFile(path, JSON.stringify(list));
    printed.length = 0;
    await importList(context, kind, path, { into, ...options });
    return readFile(into, 'utf8');
  };

  it('shows the difference and writes nothing, unless it is asked to', async () => {
    expect(await run('openrouter', openRouter)).to.equal(catalogue);
    expect(printed).to.deep.equal([
      NEW,
      '~ mini/openrouter  1m_input_tokens 0.2, 1m_output_tokens 0.6 -> ' +
        '1m_input_tokens 0.150, 1m_output_tokens 0.600  (the price of the catalogue stays)',
      '  old is not in the list any more; --remove removes it',
      '  left out: a/fine: its price per_1m_input_tokens is finer than a millionth of a dollar',
      '  left out: openrouter/auto: its price per_1m_input_tokens is no amount',
      '  left out: a/painter: it makes image, which its chat format does not carry here',
      '1 added, 1 changed, 1 not in the list any more, 3 left out',
      `nothing is written; --write writes this to ${into}`,
    ]);
  });

  it('changes what differs and no other byte, and has nothing to do then', async () => {
    const text = await run('openrouter', openRouter, { write: true, remove: true });
    const expected = catalogue
      .replace(/cost:\n +per_1m_input_tokens: '0.2' # a cent is a cent\n.*'0.6'\n/, (found) =>
        found.replace(
          /per_1m_input.*$/s,
          "{ per_1m_input_tokens: '0.150', per_1m_output_tokens: '0.600' }\n",
        ),
      )
      .replace(/ {6}- name: old[^]*$/, '');
    expect(text.replace(/schemas:\n[^]*?\n\n/, '').startsWith(expected)).to.equal(true);
    expect((await stat(into)).mode & 0o777).to.equal(0o640);
    const loaded = loadCatalogue(text, {});
    if (!('catalogue' in loaded)) throw new Error(loaded.problems.join());
    const { routes, description, usageDefault } =
      loaded.catalogue.models.get('vendor-new-model-free')!;
    expect({ description, usageDefault }).to.deep.equal({
      description: 'It is new.',
      usageDefault: { inputTokens: 1_000, outputTokens: 1_024 },
    });
    expect(routes[0]?.price).to.deep.equal({ per_1m_output_tokens: 1n });
    expect(await run('openrouter', openRouter, { write: true })).to.equal(text);
    expect(printed.at(-1)).to.equal(`${into} has all of it`);
  });

  it('puts a markup on prices, rounded up, and narrows a list', async () => {
    const text = await run('openrouter', openRouter, { write: true, markup: 20n, only: 'new_' });
    expect(printed.slice(0, 1).concat(printed.slice(-2))).to.deep.equal([
      NEW,
      '1 added, 0 changed, 0 not in the list any more, 0 left out',
      `written to ${into}`,
    ]);
    expect(text).to.include(
      "price: { per_1m_input_tokens: '0.000', per_1m_output_tokens: '0.000002' }",
    );
  });

  it('reads the list of LiteLLM into an empty file, floats by their shortest text', async () => {
    await writeFile(into, '');
    const price = { input_cost_per_token: 1.5e-7, output_cost_per_token: 6e-7 };
    const text = await run(
      'litellm',
      {
        sample_spec: { litellm_provider: 'one of …', mode: 'one of …' },
        'groq/llama': {
          ...price,
          litellm_provider: 'groq',
          mode: 'chat',
          max_input_tokens: 8_192,
          max_output_tokens: 512,
          supports_function_calling: true,
        },
        'bedrock/x': { ...price, litellm_provider: 'bedrock', mode: 'chat' },
        'groq/none': { litellm_provider: 'groq', mode: 'chat' },
      },
      { write: true },
    );
    const loaded = loadCatalogue(text, {});
    if (!('catalogue' in loaded)) throw new Error(loaded.problems.join());
    expect([...loaded.catalogue.providers.keys()]).to.deep.equal(['groq']);
    const model = loaded.catalogue.models.get('groq-llama');
    expect(model?.usageDefault).to.deep.equal({ inputTokens: 1_000, outputTokens: 512 });
    expect(model?.routes[0]).to.deep.include({
      providerModel: 'llama',
      cost: { per_1m_input_tokens: 150_000n, per_1m_output_tokens: 600_000n },
    });
  });

  it('refuses what is no list, and what would be no catalogue', async () => {
    const refused = async (kind: string, list: unknown) => {
      try {
        await run(kind, list, { write: true });
      } catch (error) {
        return (error as StartError).message;
      }
      return undefined;
    };
    expect(await refused('openrouter', [])).to.match(/is no list of openrouter/);
    expect(await refused('litellm', openRouter)).to.match(/is no list of litellm/);
    expect(await refused('prices', {})).to.match(/There is no list prices/);
    await writeFile(into, catalogue.replace('timeout_ms: 60000', 'timeout_ms: 0'));
    expect(await refused('openrouter', openRouter)).to.match(/would not be a catalogue any more/);
  });

  it('makes exact amounts and valid slugs', () => {
    const micros = (value: unknown, times: bigint) => microsOf(decimalOf(value)!, times);
    expect(micros('0.00000015', 1_000_000n)).to.equal(150_000n);
    expect(micros(7.5e-8, 1_000_000n)).to.equal(75_000n);
    expect(micros(1e-13, 1_000_000n)).to.equal(undefined);
    expect(micros('1E3', 1n)).to.equal(1_000_000_000n);
    expect([decimalOf('-1'), decimalOf(null), decimalOf('0x1'), decimalOf(NaN)]).to.deep.equal(
      Array(4).fill(undefined),
    );
    expect(slugOf('Vendor/Some_Model:free')).to.equal('vendor-some-model-free');
    expect(slugOf(`${'a'.repeat(62)}/b`)).to.equal('a'.repeat(62));
    expect(slugOf('///')).to.equal('model');
  });
});
