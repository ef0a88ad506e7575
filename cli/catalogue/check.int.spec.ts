import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { configFrom } from '../../infra/config/config.js';
import { json, openStage, type Stage } from '../../providers/testing/stage.js';
import type { Context } from '../context.js';
import { checkCatalogue } from './check.js';

const catalogue = (url: string) => `
providers:
  writer:
    adapter: openai-chat
    base_url: ${url}
    credential_env: WRITER_KEY
    timeout_ms: 2000
    bulkhead: 4
  filmer:
    adapter: generic-json
    base_url: ${url}
    timeout_ms: 2000
    bulkhead: 4
    poll: { first_ms: 10, every_ms: 10 }
    generic:
      modality: video
      request:
        path: /films
        body:
          prompt: '{{ input.prompt }}'
          seconds: '{{ input.duration_s }}'
          hook: '{{ callback_url }}'
      job: { id: id, poll: { path: '/films/{{ job_id }}' }, callback: { id: id } }
      status: { path: state, pending: [new], succeeded: [done] }
      output: { video: link }
models:
  talk:
    name: Talk
    description: Talks.
    modality: text
    usage_default: { output_tokens: 100 }
    input_schema:
      type: object
      required: [prompt]
      properties: { prompt: { type: string }, max_tokens: { type: integer, minimum: 1 } }
    routes:
      - provider: writer
        provider_model: m
        price: { per_1k_output_tokens: '0.002' }
        cost: { per_1k_output_tokens: '0.001' }
  film:
    name: Film
    description: Films.
    modality: video
    usage_default: { seconds: 4 }
    input_schema:
      type: object
      required: [prompt]
      properties: { prompt: { type: string }, duration_s: { enum: [8, 4] } }
    routes:
      - provider: filmer
        provider_model: f
        price: { per_second: '0.05' }
        cost: { per_second: '0.04' }
`;

const SECRET = 'canary-secret';

describe('catalogue check', () => {
  let dir: string;
  let stage: Stage;
  let printed: string[];
  let exitCode: number;

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'check-'));
    stage = await openStage();
    printed = [];
    exitCode = 0;
  });
  afterEach(async () => {
    await stage.close();
    await rm(dir, { recursive: true });
  });

  const check = async (text: string, env: Record<string, string>, options: object = {}) => {
    const path = join(dir, 'one.yaml');
    await writeFile(path, text);
    const context: Context = {
      config: () => configFrom({}),
      env: () => env,
      processEnv: {},
      signal: new AbortController().signal,
      print: (line) => void printed.push(line.replaceAll(path, 'one.yaml')),
      endWith: (code) => void (exitCode = code),
    };
    await checkCatalogue(context, path, options);
  };

  it('says what the file has, whose credential is missing and who cannot reach us', async () => {
    await check(catalogue('https://api.example'), {});
    expect(printed.map((line) => line.replace(/version \w+/, 'version …'))).to.deep.equal([
      'one.yaml: 2 models, 2 routes, 2 providers, version …',
      'note     providers.writer: the variable WRITER_KEY is not set, so it cannot be called',
      'note     providers.filmer: cannot reach MODELROUTE_PUBLIC_URL (http://127.0.0.1:8080), ' +
        'so its jobs are polled',
      'nothing is wrong',
    ]);
    expect(exitCode).to.equal(0);
  });

  it('names every mistake, and exits with 2', async () => {
    const text = catalogue('https://api.example').replace('{{ job_id }}', '{{ job_id. }}');
    await check(text.replace('per_second: ', 'per_image: '), {});
    expect(printed).to.have.length(3);
    expect(printed[0]).to.match(/^problem {2}providers\.filmer\.generic\.job\.poll\.path: /);
    expect(printed[1]).to.match(/^problem {2}models\.film\.routes\[0\]\.price\.per_image: /);
    expect(printed[2]).to.equal('one.yaml: 2 problems');
    expect(exitCode).to.equal(2);
  });

  it('tries each route once, cheaply, and shows what came back and what it cost', async () => {
    let asked = 0;
    stage.play((response, seen) => {
      const answers: Record<string, unknown> = {
        'POST /v1/chat/completions': {
          choices: [{ index: 0, message: { content: 'hello\nthere' }, finish_reason: 'stop' }],
          usage: { prompt_tokens: 5, completion_tokens: 3, total_tokens: 8 },
        },
        'POST /films': { id: '7' },
        'GET /films/7': {
          state: asked++ > 2 ? 'done' : 'new',
          link: `https://films.example/${SECRET}`,
        },
      };
      json(answers[`${seen.method} ${seen.path}`] ?? {})(response, seen);
    });
    await check(catalogue(stage.url), { WRITER_KEY: SECRET }, { try: true });
    const lines = printed.slice(1).map((line) => line.replace(/in [\d.]+ s/, 'in … s'));
    expect(lines.filter((line) => !line.startsWith('note'))).to.deep.equal([
      'good     talk/writer: “hello there” in … s; inputTokens 5, outputTokens 3; ' +
        'cost $0.000003, price $0.000006',
      'good     film/filmer: a file at films.example in … s; seconds 4; cost $0.160, price $0.200',
      'nothing is wrong',
    ]);
    expect(printed.join('\n')).not.to.include(SECRET);
    expect(exitCode).to.equal(0);
    expect(stage.seen[0]?.body).to.deep.include({ model: 'm', max_tokens: 16 });
    expect(stage.seen[1]?.body).to.deep.equal({ prompt: 'a red circle', seconds: 4 });
  });

  it('says why a route did not answer, and exits with 2', async () => {
    stage.play(json({ error: { message: `no ${SECRET}`, code: 'invalid_api_key' } }, 401));
    await check(catalogue(stage.url), { WRITER_KEY: SECRET }, { try: true, only: 'talk' });
    expect(printed.at(-2)).to.match(/^bad {6}talk\/writer: MODEL_UNAVAILABLE after [\d.]+ s: /);
    expect(printed.at(-1)).to.equal('1 route did not answer well');
    expect(printed.join('\n')).not.to.include(SECRET);
    expect([exitCode, stage.seen.length]).to.deep.equal([2, 1]);
  });
});
