/**
 * The list of LiteLLM: `{"<name>": {litellm_provider, mode, max_input_tokens, max_output_tokens,
 * input_cost_per_token, …}}`, prices in dollars a token, image, second or character as numbers.
 */
import type { Capabilities } from '../../contracts/catalogue/capabilities.js';
import type { ProviderEntry } from '../../contracts/catalogue/provider-entry.js';
import type { Modality } from '../../contracts/events/execution.js';
import { adapterKinds } from '../../providers/registry.js';
import { isNamed } from './names.js';
import {
  isCount,
  pricesOf,
  shortened,
  slugOf,
  type ListedModel,
  type ListOptions,
  type PriceLine,
  type ReadList,
  type Skipped,
  type TierLines,
} from './listed-model.js';

type Fields = Readonly<Record<string, unknown>>;

interface Vendor {
  readonly base_url: string;
  readonly credential_env: string;
  /** By modality; a vendor's other modalities are left out. */
  readonly adapters: Readonly<Partial<Record<Modality, string>>>;
}

const chat = { text: 'openai-chat' };

/** Vendors of the list that are spoken to in a wire format that we have, by their names there. */
const vendors: Readonly<Record<string, Vendor>> = {
  openai: {
    base_url: 'https://api.openai.com/v1',
    credential_env: 'OPENAI_API_KEY',
    adapters: {
      ...chat,
      image: 'openai-images',
      audio: 'openai-speech',
      transcription: 'openai-transcription',
      embedding: 'openai-embeddings',
    },
  },
  anthropic: {
    base_url: 'https://api.anthropic.com/v1',
    credential_env: 'ANTHROPIC_API_KEY',
    adapters: { text: 'anthropic-messages' },
  },
  gemini: {
    base_url: 'https://generativelanguage.googleapis.com/v1beta',
    credential_env: 'GEMINI_API_KEY',
    adapters: { text: 'gemini-text', image: 'gemini-images', embedding: 'gemini-embeddings' },
  },
  openrouter: {
    base_url: 'https://openrouter.ai/api/v1',
    credential_env: 'OPENROUTER_API_KEY',
    adapters: chat,
  },
  groq: {
    base_url: 'https://api.groq.com/openai/v1',
    credential_env: 'GROQ_API_KEY',
    adapters: chat,
  },
  together_ai: {
    base_url: 'https://api.together.xyz/v1',
    credential_env: 'TOGETHER_API_KEY',
    adapters: chat,
  },
  mistral: {
    base_url: 'https://api.mistral.ai/v1',
    credential_env: 'MISTRAL_API_KEY',
    adapters: chat,
  },
  deepseek: {
    base_url: 'https://api.deepseek.com/v1',
    credential_env: 'DEEPSEEK_API_KEY',
    adapters: chat,
  },
  xai: { base_url: 'https://api.x.ai/v1', credential_env: 'XAI_API_KEY', adapters: chat },
  fireworks_ai: {
    base_url: 'https://api.fireworks.ai/inference/v1',
    credential_env: 'FIREWORKS_API_KEY',
    adapters: chat,
  },
};

const modes: Readonly<Record<string, Modality>> = {
  chat: 'text',
  image_generation: 'image',
  audio_speech: 'audio',
  audio_transcription: 'transcription',
  embedding: 'embedding',
};

/** Undefined where it is no such list. */
export function readLiteLlm(list: unknown, options: ListOptions): ReadList | undefined {
  const entries = Object.entries(fieldsOf(list)).filter(([name]) => name !== 'sample_spec');
  if (!entries.some(([, one]) => typeof fieldsOf(one)['litellm_provider'] === 'string'))
    return undefined;
  const providers = new Map<string, ProviderEntry>();
  const models: ListedModel[] = [];
  const skipped: Skipped[] = [];
  for (const [name, one] of entries) {
    const fields = fieldsOf(one);
    const vendor = fields['litellm_provider'];
    if (options.provider !== undefined && vendor !== options.provider) continue;
    if (!isNamed(name, options.only) || name.length > 255) continue;
    const model = modelIn(name, fields, options.markup);
    if (typeof model === 'string') skipped.push({ name, why: model });
    else {
      models.push(model.listed);
      providers.set(model.listed.provider, model.entry);
    }
  }
  return { providers, models, skipped };
}

function modelIn(
  name: string,
  fields: Fields,
  markup: bigint,
): { readonly listed: ListedModel; readonly entry: ProviderEntry } | string {
  const { litellm_provider: vendorName, mode } = fields;
  const vendor = Object.hasOwn(vendors, String(vendorName))
    ? vendors[String(vendorName)]
    : undefined;
  const modality = Object.hasOwn(modes, String(mode)) ? modes[String(mode)] : undefined;
  const adapter = modality && vendor?.adapters[modality];
  if (!vendor || !modality || !adapter || !adapterKinds.has(adapter))
    return 'no adapter of ours is known to speak to its provider in its mode';
  const tiers = modality === 'text' ? tiersOf(fields) : [];
  const prices = pricesOf(linesOf(modality, fields), tiers, markup);
  if (typeof prices === 'string') return prices;
  const own = name.startsWith(`${vendorName}/`) ? name.slice(`${vendorName}/`.length) : name;
  const most = fields['max_output_tokens'] ?? fields['max_tokens'];
  const slug = slugOf(String(vendorName));
  const provider = adapter === 'openai-chat' ? slug : `${slug}-${adapter.replace(/^.*-/, '')}`;
  return {
    listed: {
      slug: slugOf(name),
      name: shortened(own, 127, own),
      description: shortened(`${own} by ${vendorName}.`, 400, own),
      modality,
      provider,
      providerModel: own,
      ...prices,
      capabilities: modality === 'text' ? capabilitiesOf(fields, most) : {},
      outputTokens: modality === 'text' && isCount(most) ? most : undefined,
    },
    entry: {
      adapter,
      base_url: vendor.base_url,
      credential_env: vendor.credential_env,
      timeout_ms: 120_000,
      bulkhead: 64,
    },
  };
}

const MILLION = 1_000_000n;

function linesOf(modality: Modality, fields: Fields): PriceLine[] {
  const tokensIn: PriceLine = ['per_1m_input_tokens', fields['input_cost_per_token'], MILLION];
  switch (modality) {
    case 'text':
      return [
        tokensIn,
        ['per_1m_output_tokens', fields['output_cost_per_token'], MILLION],
        ['per_1m_cached_input_tokens', fields['cache_read_input_token_cost'], MILLION],
      ];
    case 'image':
      return [['per_image', fields['output_cost_per_image'] ?? fields['input_cost_per_image'], 1n]];
    case 'audio':
      return [['per_1m_characters', fields['input_cost_per_character'], MILLION]];
    case 'transcription':
      return [['per_minute', fields['input_cost_per_second'], 60n]];
    case 'embedding':
      return [tokensIn];
    case 'video':
      return [['per_second', fields['output_cost_per_video_per_second'], 1n]];
  }
}

/** `input_cost_per_token_above_200k_tokens` and the like. */
function tiersOf(fields: Fields): TierLines[] {
  const steps = Object.keys(fields).flatMap(
    (name) => /^input_cost_per_token_above_(\d+)k_tokens$/.exec(name)?.[1] ?? [],
  );
  return steps.map((step) => ({
    aboveInputTokens: Number(step) * 1_000,
    lines: [
      ['per_1m_input_tokens', fields[`input_cost_per_token_above_${step}k_tokens`], MILLION],
      ['per_1m_output_tokens', fields[`output_cost_per_token_above_${step}k_tokens`], MILLION],
      [
        'per_1m_cached_input_tokens',
        fields[`cache_read_input_token_cost_above_${step}k_tokens`],
        MILLION,
      ],
    ],
  }));
}

function capabilitiesOf(fields: Fields, most: unknown): Capabilities {
  const context = fields['max_input_tokens'];
  return {
    tools: fields['supports_function_calling'] === true,
    structured_output: fields['supports_response_schema'] === true ? ['json', 'json_schema'] : [],
    image_input: fields['supports_vision'] === true,
    ...(isCount(most) && { max_tokens: most }),
    ...(isCount(context) && { context_tokens: context }),
  };
}

const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null ? (value as Fields) : {};
