/**
 * The adapters of the bundled catalogue against the sandbox, which shares only a wire with them.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { request } from 'undici';
import type { Catalogue, Provider } from '../contracts/catalogue/catalogue.js';
import { estimateFor } from '../domain/pricing/pricing.js';
import { withDefaults } from '../domain/pricing/defaults.js';
import { loadCatalogue } from '../providers/catalogue/load-catalogue.js';
import { openProviders } from '../providers/open-providers.js';
import type { ProviderCall, ProviderOutcome, Providers } from '../providers/port.js';
import { providerAt } from '../providers/testing/contract.js';
import { inputFile } from '../providers/testing/input-files.js';
import { startSandbox, type Sandbox } from '../sandbox/server.js';

const text = readFileSync(new URL('../catalogue.yaml', import.meta.url), 'utf8');
const PNG = 'iVBORw0KGgo';

type Asked = 'modality' | 'providerModel' | 'input' | 'files' | 'routeRequest';

describe('providers over the sandbox', () => {
  let dir: string;
  let sandbox: Sandbox;
  let catalogue: Catalogue;
  let providers: Providers;

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'providers-'));
    sandbox = await startSandbox({ port: 0, dir });
    const loaded = loadCatalogue(text, { SANDBOX_URL: sandbox.url });
    if (!('catalogue' in loaded)) throw new Error(loaded.problems.join('; '));
    catalogue = loaded.catalogue;
    providers = openProviders({ credentials: () => undefined });
  });

  after(async () => {
    await providers.close();
    await sandbox.close();
    await rm(dir, { recursive: true });
  });

  const behave = async (personality: string, behaviour: object) => {
    const body = JSON.stringify({ [personality]: behaviour });
    const reply = await request(`${sandbox.url}/_sandbox/behaviour`, { method: 'PUT', body });
    expect(reply.statusCode, await reply.body.text()).to.equal(200);
  };

  const paidUnder = async (dispatchKey: string) => {
    const { body } = await request(`${sandbox.url}/_sandbox/calls`);
    const { data } = (await body.json()) as { data: { dispatchKey: string; paid: boolean }[] };
    return data.filter((one) => one.dispatchKey === dispatchKey).map(({ paid }) => paid);
  };

  const run = (
    modelSlug: string,
    providerSlug: string,
    given: Readonly<Record<string, unknown>>,
    dispatchKey: string,
    timeoutMs = 10_000,
  ): Promise<ProviderOutcome> => {
    const model = catalogue.models.get(modelSlug)!;
    // So that what never ends is beyond it in time.
    const provider = { ...catalogue.providers.get(providerSlug)!, answerBytesMax: 4_000_000 };
    const route = model.routes.find((one) => one.provider === providerSlug)!;
    return providers.adapter(provider.adapter).call({
      provider,
      providerModel: route.providerModel,
      modality: model.modality,
      input: withDefaults(model, given),
      dispatchKey,
      timeoutMs,
      signal: new AbortController().signal,
    });
  };

  const talkers: readonly (readonly [string, string])[] = [
    ['text-generation-standard', 'aurora-chat'],
    ['text-generation-standard', 'borealis-chat'],
    ['text-reasoning', 'altair-messages'],
    ['text-reasoning', 'capella-content'],
  ];
  const weather = {
    name: 'get_weather',
    description: 'Tells the weather of a city.',
    parameters: {
      type: 'object',
      properties: { city: { type: 'string' }, days: { type: 'integer', minimum: 1 } },
      required: ['city'],
    },
  };
  const schema = {
    type: 'object',
    properties: { city: { type: 'string' }, rain: { type: 'boolean' } },
    required: ['city', 'rain'],
    additionalProperties: false,
  };

  for (const [model, provider] of talkers)
    it(`${provider} calls a tool, answers its result, and answers in JSON`, async () => {
      const said = async (input: Readonly<Record<string, unknown>>) => {
        const outcome = await run(model, provider, { max_tokens: 400, ...input }, randomUUID());
        if (outcome.kind !== 'succeeded' || outcome.output.modality !== 'text')
          throw new Error(JSON.stringify(outcome));
        return { ...outcome.output, usage: outcome.usage };
      };
      const ask = { role: 'user', content: 'Please get the weather in Oslo' };
      const asked = await said({ messages: [ask], tools: [weather], tool_choice: 'auto' });
      expect(asked).to.include({ text: '', finishReason: 'tool_calls' });
      const [call] = asked.toolCalls ?? [];
      expect(call?.arguments).to.deep.equal({ city: 'Oslo', days: 1 });
      const messages = [
        ask,
        { role: 'assistant', content: '', tool_calls: [call] },
        { role: 'tool', tool_call_id: call?.id, content: '{"rain":true}' },
      ];
      const answered = await said({ messages, tools: [weather] });
      expect(answered).to.include({ finishReason: 'stop' });
      expect(answered.text).to.have.length.above(20);
      const format = { type: 'json_schema', schema };
      const structured = await said({ prompt: 'Rain in Oslo?', response_format: format });
      expect(structured.json).to.deep.equal({ city: 'Oslo', rain: true });
      const thought = await said({ prompt: 'Why in Oslo?', reasoning_effort: 'low' });
      expect(thought.usage.reasoningTokens).to.equal(32);
      expect(thought.usage.outputTokens).to.be.within(33, 400);
    });

  for (const [model, provider] of talkers)
    it(`${provider} withholds what its moderation finds`, async () => {
      const outcome = await run(model, provider, { prompt: '[[moderation]]' }, randomUUID());
      expect(outcome).to.include({
        kind: 'failed',
        code: 'CONTENT_MODERATION_REJECTED',
        retryable: false,
        countsAsFailure: false,
      });
    });

  it('altair and capella refuse and fail in words of their own', async () => {
    for (const [personality, provider] of [
      ['altair', 'altair-messages'],
      ['capella', 'capella-content'],
    ] as const) {
      for (const [errorStatus, code, countsAsFailure] of [
        [429, 'MODEL_OVERLOADED', false],
        [401, 'MODEL_UNAVAILABLE', true],
        [500, 'GENERATION_FAILED', true],
      ] as const) {
        await behave(personality, { latency: 0, errorRate: 1, errorStatus });
        const outcome = await run('text-reasoning', provider, { prompt: 'x' }, randomUUID());
        expect(outcome, `${personality} ${errorStatus}`).to.include({
          kind: 'failed',
          code,
          retryable: true,
          countsAsFailure,
        });
      }
      for (const misbehaviour of ['nan-usage', 'negative-usage', 'huge-usage']) {
        await behave(personality, { errorRate: 0, misbehaviour });
        const input = { prompt: 'Why?', max_tokens: 40 };
        const outcome = await run('text-reasoning', provider, input, randomUUID());
        if (outcome.kind !== 'succeeded') throw new Error(JSON.stringify(outcome));
        expect(outcome.usage.outputTokens, misbehaviour).to.be.within(1, 40);
      }
      await behave(personality, { misbehaviour: 'none' });
    }
  });

  const at = (adapter: string, path: string): Provider => ({
    ...providerAt(sandbox.url, adapter),
    slug: `${adapter}-of-spec`,
    baseUrl: `${sandbox.url}/${path}`,
  });
  const asked = { dispatchKey: 'k', timeoutMs: 10_000, signal: new AbortController().signal };
  const call = (adapter: string, path: string, more: Pick<ProviderCall, Asked>) =>
    providers.adapter(adapter).call({ provider: at(adapter, path), ...asked, ...more });

  it('capella paints and embeds in Gemini’s format', async () => {
    const providerModel = 'capella-paint-1';
    const paint = (prompt: string) => ({
      modality: 'image' as const,
      providerModel,
      input: { prompt, aspect_ratio: '16:9' },
    });
    const painted = await call('gemini-images', 'capella', paint('a boat'));
    if (painted.kind !== 'succeeded' || painted.output.modality !== 'image')
      throw new Error(JSON.stringify(painted));
    expect(JSON.stringify(painted.output.images)).to.include(PNG);
    expect(painted.usage).to.deep.equal({ images: 1, inputTokens: 2, outputTokens: 1_290 });
    expect(await call('gemini-images', 'capella', paint('[[moderation]]'))).to.include({
      code: 'CONTENT_MODERATION_REJECTED',
    });
    const input = { texts: ['sea', 'sea air'], dimensions: 8 };
    const embedded = await call('gemini-embeddings', 'capella', {
      modality: 'embedding',
      providerModel: 'capella-embed-1',
      input,
    });
    if (embedded.kind !== 'succeeded' || embedded.output.modality !== 'embedding')
      throw new Error(JSON.stringify(embedded));
    expect(embedded.output.embeddings.map(({ length }) => length)).to.deep.equal([8, 8]);
    expect(embedded.usage).to.deep.equal({ inputTokens: 3 });
  });

  it('vega and lyra transcribe and embed, and answer later', async () => {
    const spoken = await call('openai-speech', 'aurora/v1', {
      modality: 'audio',
      providerModel: 'aurora-voice-1',
      input: { text: 'The tide comes in.', voice: 'alloy', format: 'wav' },
    });
    if (spoken.kind !== 'succeeded' || spoken.output.modality !== 'audio')
      throw new Error(JSON.stringify(spoken));
    const { audio } = spoken.output;
    const sound = Buffer.from('base64' in audio ? audio.base64 : '', 'base64');
    const files = new Map([['file_1', inputFile('audio/wav', sound)]]);
    for (const [adapter, path] of [
      ['replicate', 'vega'],
      ['fal', 'lyra'],
    ] as const) {
      await behave(path, { jobMs: 0 });
      const run = async (more: Pick<ProviderCall, Asked>) => {
        const accepted = await call(adapter, path, more);
        if (accepted.kind !== 'accepted') return accepted;
        const { providerJobId } = accepted;
        const job = { ...asked, ...more, provider: at(adapter, path), providerJobId };
        return providers.adapter(adapter).poll?.({ ...job, heardMs: 1_500 });
      };
      const heard = await run({
        modality: 'transcription',
        providerModel: 'acme/whisper',
        input: { audio: 'file_1' },
        files,
      });
      expect(heard, adapter).to.have.nested.property('output.text', 'The tide comes in.');
      expect(heard).to.have.deep.property('usage', { seconds: 1.5 });
      const embedded = await run({
        modality: 'embedding',
        providerModel: 'acme/embed',
        input: { texts: ['a', 'b'] },
        routeRequest: { as: { texts: 'json' } },
      });
      expect(embedded, adapter).to.have.nested.property('output.embeddings.length', 2);
    }
  });

  for (const personality of ['aurora', 'borealis']) {
    it(`${personality} writes a text within the estimate`, async () => {
      const given = { prompt: 'Tell me of the sea.', system: 'Be kind.', max_tokens: 40 };
      const key = `${personality}-text`;
      const chat = `${personality}-chat`;
      const outcome = await run('text-generation-standard', chat, given, key);
      if (outcome.kind !== 'succeeded' || outcome.output.modality !== 'text')
        throw new Error(JSON.stringify(outcome));
      expect(outcome.output.text).to.have.length.above(20);
      const model = catalogue.models.get('text-generation-standard')!;
      const bound = estimateFor(model, given).usage;
      expect(outcome.usage.inputTokens).to.be.within(1, bound.inputTokens!);
      expect(outcome.usage.outputTokens).to.be.within(1, bound.outputTokens!);
      expect(await paidUnder(key)).to.deep.equal([true]);
    });

    it(`${personality} paints as many images as were asked for`, async () => {
      const given = { prompt: 'a red boat at dusk', width: 256, height: 264, num_images: 2 };
      const key = `${personality}-image`;
      const outcome = await run('flux-1.1-pro', `${personality}-images`, given, key);
      if (outcome.kind !== 'succeeded' || outcome.output.modality !== 'image')
        throw new Error(JSON.stringify(outcome));
      expect(outcome.usage).to.deep.include({ images: 2 });
      const heads = outcome.output.images.map((one) => 'base64' in one && one.base64.slice(0, 11));
      expect(heads).to.deep.equal([PNG, PNG]);
    });
  }

  it('is paid once when an unknown outcome is asked again under its key', async () => {
    const ask = () =>
      run('text-generation-standard', 'aurora-chat', { prompt: 'Once.' }, 'asked-again', 400);
    await behave('aurora', { misbehaviour: 'reset-mid-body' });
    expect((await ask()).kind).to.equal('unknown');
    await behave('aurora', { misbehaviour: 'none' });
    expect((await ask()).kind).to.equal('succeeded');
    expect(await paidUnder('asked-again')).to.deep.equal([true, false]);
  });

  it('tells moderation, an absent model and a busy provider apart', async () => {
    const ask = (prompt: string) =>
      run('text-generation-standard', 'borealis-chat', { prompt }, `k-${prompt}`);
    expect(await ask('[[moderation]]')).to.include({ code: 'CONTENT_MODERATION_REJECTED' });
    await behave('borealis', { absentModels: ['borealis-chat-large'] });
    expect(await ask('a')).to.include({
      code: 'MODEL_UNAVAILABLE',
      retryable: true,
      countsAsFailure: false,
    });
    const busy = { absentModels: [], errorRate: 1, errorStatus: 429, retryAfterSeconds: 3 };
    await behave('borealis', busy);
    expect(await ask('b')).to.include({ code: 'MODEL_OVERLOADED', retryAfterMs: 3_000 });
    await behave('borealis', { errorRate: 0 });
  });

  const ends: Record<string, ProviderOutcome['kind']> = {
    timeout: 'unknown',
    drip: 'unknown',
    'headers-never-end': 'unknown',
    'reset-mid-body': 'unknown',
    malformed: 'failed',
    truncated: 'unknown',
    'gzip-bomb': 'failed',
    'huge-body': 'failed',
    'endless-body': 'failed',
    'nan-usage': 'succeeded',
    'negative-usage': 'succeeded',
    'huge-usage': 'succeeded',
    redirect: 'failed',
  };
  for (const [misbehaviour, kind] of Object.entries(ends))
    it(`given ${misbehaviour}, ends ${kind} in time and charges nothing absurd`, async () => {
      await behave('borealis', { misbehaviour });
      const began = Date.now();
      const given = { prompt: 'Hello?', max_tokens: 30 };
      // The bomb is made for the first call that asks for it.
      const patienceMs = misbehaviour === 'gzip-bomb' ? 1_300 : 400;
      const chat = await run(
        'text-generation-standard',
        'borealis-chat',
        given,
        `${misbehaviour}-chat`,
        patienceMs,
      );
      const sea = { prompt: 'sea', width: 256, height: 256 };
      const image = await run('flux-1.1-pro', 'borealis-images', sea, `${misbehaviour}-image`, 400);
      expect(Date.now() - began).to.be.below(8_000);
      await behave('borealis', { misbehaviour: 'none' });
      expect([chat.kind, image.kind]).to.deep.equal([kind, kind]);
      if (chat.kind === 'succeeded') {
        expect(chat.usage.inputTokens).to.be.within(0, 22);
        expect(chat.usage.outputTokens).to.be.within(0, 30);
      }
    });
});
