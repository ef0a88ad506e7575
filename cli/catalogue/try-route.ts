/**
 * One cheap call on one route: the smallest input that the model's schema allows, sent through the
 * adapter as an execution's would be, and waited for. It is real, and paid.
 */
import { randomUUID } from 'node:crypto';
import type { Model, Provider, Route } from '../../contracts/catalogue/catalogue.js';
import type { Usage } from '../../contracts/events/execution.js';
import { formatMoney } from '../../contracts/money.js';
import { withDefaults } from '../../domain/pricing/defaults.js';
import { boundedUsage, costOf } from '../../domain/pricing/pricing.js';
import { withAccount } from '../../domain/routing/provider-account.js';
import { pollPauseMs } from '../../domain/routing/poll-pause.js';
import { pause } from '../../infra/concurrency/pause.js';
import { validateInput } from '../../providers/catalogue/input-validators.js';
import type {
  JobOutcome,
  ProducedFile,
  ProviderAdapter,
  ProviderCall,
  ProviderOutput,
  ProviderResult,
  Providers,
} from '../../providers/port.js';
import { smallestInput } from './smallest-input.js';

interface Tried {
  readonly isGood: boolean;
  readonly text: string;
}

interface Wanted {
  readonly model: Model;
  readonly route: Route;
  readonly provider: Provider;
}

export async function tryRoute(
  providers: Providers,
  { model, route, provider: given }: Wanted,
  signal: AbortSignal,
): Promise<Tried> {
  const provider = withAccount(given, given.accounts?.[0]?.name);
  const { input: asked, files } = smallestInput(model);
  const input = withDefaults(model, asked);
  const [wrong] = validateInput(model, asked);
  if (wrong) return bad(`not tried: no input is made up for its schema (${wrong.field})`);
  const call: ProviderCall = {
    provider,
    providerModel: route.providerModel,
    modality: model.modality,
    ...(route.request && { routeRequest: route.request }),
    ...(route.inputMap && { inputMap: route.inputMap }),
    input,
    files,
    dispatchKey: `try/${randomUUID()}`,
    timeoutMs: provider.timeoutMs,
    signal,
  };
  const began = Date.now();
  const outcome = await resultOf(providers.adapter(provider.adapter), call);
  const seconds = `${((Date.now() - began) / 1000).toFixed(1)} s`;
  if (outcome.kind === 'succeeded') return good(outcome, route, seconds);
  const code = outcome.kind === 'failed' ? outcome.code : 'outcome unknown';
  return bad(`${code} after ${seconds}: ${outcome.detail}`);
}

const bad = (text: string): Tried => ({ isGood: false, text });

function good(
  { output, usage: told }: Extract<ProviderResult, { kind: 'succeeded' }>,
  { cost, price }: Route,
  seconds: string,
): Tried {
  const usage = boundedUsage(told);
  const [ours, theirs] = [cost, price].map((list) => formatMoney(costOf(list, usage)));
  const money = `cost $${ours}, price $${theirs}`;
  return { isGood: true, text: `${shown(output)} in ${seconds}; ${usedIn(usage)}; ${money}` };
}

const usedIn = (usage: Usage): string =>
  Object.entries(usage)
    .map(([unit, count]) => `${unit} ${count}`)
    .join(', ') || 'nothing counted';

const TEXT_CHARS_MAX = 60;

function shown(output: ProviderOutput): string {
  switch (output.modality) {
    case 'text':
    case 'transcription': {
      const text = output.text.replace(/\s+/g, ' ').trim();
      const short = text.length > TEXT_CHARS_MAX ? `${text.slice(0, TEXT_CHARS_MAX)}…` : text;
      return `“${short}”`;
    }
    case 'image':
      return output.images.map(fileText).join(', ');
    case 'audio':
      return fileText(output.audio);
    case 'video':
      return fileText(output.video);
    case 'embedding':
      return `a vector of ${output.embeddings[0]?.length ?? 0}`;
  }
}

/** Links of providers are often signed: where a file is says its host alone. */
function fileText(file: ProducedFile): string {
  if ('base64' in file) return `a file of ${Math.floor((file.base64.length * 3) / 4)} bytes`;
  if (file.url.startsWith('data:')) return 'a file in a data URL';
  return `a file at ${URL.canParse(file.url) ? new URL(file.url).host : 'no URL'}`;
}

/** Of a job, what a poll says in the end; nobody calls back to a command. */
async function resultOf(adapter: ProviderAdapter, call: ProviderCall): Promise<ProviderResult> {
  const accepted = await adapter.call(call);
  if (accepted.kind !== 'accepted') return accepted;
  const { provider, signal } = call;
  const { providerJobId } = accepted;
  const began = Date.now();
  let wait = Math.max(provider.poll.firstMs, accepted.pollAfterMs ?? 0);
  for (;;) {
    await pause(wait, signal);
    const ageMs = Date.now() - began;
    const timeoutMs = Math.min(provider.timeoutMs - ageMs, QUESTION_MS_MAX);
    if (signal.aborted || timeoutMs <= 0) return notDone;
    const state: JobOutcome | undefined = await adapter.poll?.({
      ...call,
      providerJobId,
      timeoutMs,
    });
    if (!state) return cannotBeAsked;
    if (state.kind !== 'pending') return state;
    const { pollAfterMs } = state;
    wait = pollPauseMs({
      poll: provider.poll,
      ageMs,
      ...(pollAfterMs !== undefined && { askedMs: pollAfterMs }),
    });
  }
}

const QUESTION_MS_MAX = 30_000;

const notDone: ProviderResult = {
  kind: 'unknown',
  detail: 'its job was accepted, and is not done within timeout_ms',
};

const cannotBeAsked: ProviderResult = {
  kind: 'unknown',
  detail: 'its job was accepted, and it only calls back',
};
