/**
 * Personalities of the sandbox, described by a catalogue alone: what other adapters speak to, the
 * adapter generic-json speaks to as well, and the sandbox's record has the same calls.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { request } from 'undici';
import type { Catalogue } from '../contracts/catalogue/catalogue.js';
import { withDefaults } from '../domain/pricing/defaults.js';
import { loadCatalogue } from '../providers/catalogue/load-catalogue.js';
import { openProviders } from '../providers/open-providers.js';
import type { JobOutcome, ProviderCall, Providers } from '../providers/port.js';
import { startSandbox, type Sandbox } from '../sandbox/server.js';
import { eventually } from '../testing/eventually.js';

const catalogue = `
providers:
  writer:
    adapter: generic-json
    base_url: \${SANDBOX_URL}/aurora
    honours_idempotency_key: true
    timeout_ms: 15000
    bulkhead: 4
    generic:
      modality: text
      request:
        path: /v1/chat/completions
        body:
          model: '{{ model }}'
          messages: [{ role: user, content: '{{ input.prompt }}' }]
          max_tokens: '{{ input.max_tokens }}'
      output:
        text: choices[0].message.content
        finish_reason: choices[0].finish_reason
      usage: { input_tokens: usage.prompt_tokens, output_tokens: usage.completion_tokens }
  painter:
    adapter: generic-json
    base_url: \${SANDBOX_URL}/polaris
    honours_idempotency_key: true
    timeout_ms: 30000
    bulkhead: 4
    generic:
      modality: image
      request:
        path: /v1/jobs
        body:
          model: '{{ model }}'
          input:
            prompt: '{{ input.prompt }}'
            size: '{{ input.width }}x{{ input.height }}'
            n: '{{ input.num_images }}'
      job:
        id: id
        poll: { path: '/v1/jobs/{{ job_id }}' }
        cancel: { method: POST, path: '/v1/jobs/{{ job_id }}/cancel' }
        cancelled: status = "cancelled"
        forgotten: error.code = "job_not_found"
      status:
        path: status
        pending: [queued, running]
        succeeded: [succeeded]
        failed: [failed]
        cancelled: [cancelled]
      output: { images: output }
models:
  text:
    name: Text
    description: Writes.
    modality: text
    usage_default: { output_tokens: 64 }
    input_schema:
      type: object
      required: [prompt]
      properties:
        prompt: { type: string }
        max_tokens: { type: integer, minimum: 1 }
    routes:
      - provider: writer
        provider_model: aurora-text-1
        price: { per_1k_output_tokens: '0.002' }
        cost: { per_1k_output_tokens: '0.001' }
  picture:
    name: Picture
    description: Paints.
    modality: image
    usage_default: { images: 1 }
    input_schema:
      type: object
      required: [prompt]
      properties:
        prompt: { type: string }
        width: { type: integer, default: 256 }
        height: { type: integer, default: 256 }
        num_images: { type: integer, minimum: 1, maximum: 4, default: 1 }
    routes:
      - provider: painter
        provider_model: polaris-hd-1
        price: { per_image: '0.06' }
        cost: { per_image: '0.04' }
`;

describe('the sandbox, described by a catalogue', () => {
  let dir: string;
  let sandbox: Sandbox;
  let loaded: Catalogue;
  let providers: Providers;

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'generic-'));
    sandbox = await startSandbox({ port: 0, dir });
    const result = loadCatalogue(catalogue, { SANDBOX_URL: sandbox.url });
    if (!('catalogue' in result)) throw new Error(result.problems.join('; '));
    loaded = result.catalogue;
    providers = openProviders({ credentials: () => undefined });
  });
  after(async () => {
    await providers.close();
    await sandbox.close();
    await rm(dir, { recursive: true });
  });

  const callOf = (slug: string, given: ProviderCall['input'], dispatchKey: string) => {
    const model = loaded.models.get(slug)!;
    const [route] = model.routes;
    return {
      provider: loaded.providers.get(route!.provider)!,
      providerModel: route!.providerModel,
      modality: model.modality,
      input: withDefaults(model, given),
      dispatchKey,
      timeoutMs: 10_000,
      signal: new AbortController().signal,
    };
  };
  const paidUnder = async (key: string) => {
    const { body } = await request(`${sandbox.url}/_sandbox/calls`);
    const { data } = (await body.json()) as { data: { dispatchKey: string; paid: boolean }[] };
    return data.filter(({ dispatchKey }) => dispatchKey === key).map(({ paid }) => paid);
  };
  const adapter = () => providers.adapter('generic-json');

  it('writes a text, which is paid for once under its key', async () => {
    const call = callOf('text', { prompt: 'Tell me of the sea.', max_tokens: 24 }, 'generic-text');
    const outcome = await adapter().call(call);
    if (outcome.kind !== 'succeeded') throw new Error(JSON.stringify(outcome));
    expect(outcome.output).to.include({ modality: 'text' });
    expect(outcome.usage.outputTokens).to.be.within(1, 24);
    expect(await adapter().call(call)).to.deep.equal(outcome);
    expect(await paidUnder('generic-text')).to.deep.equal([true, false]);
  });

  it('paints by a job that it asks about until it is done', async () => {
    const call = callOf('picture', { prompt: 'a boat', num_images: 2 }, 'generic-picture');
    const accepted = await adapter().call(call);
    if (accepted.kind !== 'accepted') throw new Error(JSON.stringify(accepted));
    const job = { ...call, providerJobId: accepted.providerJobId };
    let state: JobOutcome | undefined;
    await eventually('the job is done', async () => {
      state = await adapter().poll?.(job);
      return state?.kind !== 'pending';
    });
    expect(state).to.deep.include({ kind: 'succeeded', usage: { images: 2 } });
    const gone = await adapter().poll?.({ ...job, providerJobId: 'job_nowhere' });
    expect(gone).to.include({ kind: 'unknown' });
  });
});
