/**
 * The list of OpenRouter: `{"data": [{id, name, description, context_length, architecture, pricing,
 * top_provider, supported_parameters}]}`, prices in dollars a token as decimal texts.
 */
import type { Capabilities } from '../../contracts/catalogue/capabilities.js';
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

const PROVIDER = 'openrouter';
const MILLION = 1_000_000n;

type Fields = Readonly<Record<string, unknown>>;

/** Undefined where it is no such list. */
export function readOpenRouter(list: unknown, options: ListOptions): ReadList | undefined {
  const data = fieldsOf(list)['data'];
  if (!Array.isArray(data)) return undefined;
  const models: ListedModel[] = [];
  const skipped: Skipped[] = [];
  for (const one of data as unknown[]) {
    const fields = fieldsOf(one);
    const { id } = fields;
    if (typeof id !== 'string' || id === '' || id.length > 255 || !isNamed(id, options.only))
      continue;
    const model = modelIn(id, fields, options.markup);
    if (typeof model === 'string') skipped.push({ name: id, why: model });
    else models.push(model);
  }
  return { providers: new Map([[PROVIDER, provider]]), models, skipped };
}

const provider = {
  adapter: 'openai-chat',
  base_url: 'https://openrouter.ai/api/v1',
  credential_env: 'OPENROUTER_API_KEY',
  timeout_ms: 120_000,
  bulkhead: 64,
};

function modelIn(id: string, fields: Fields, markup: bigint): ListedModel | string {
  const { name, description, context_length: context, supported_parameters: given } = fields;
  const architecture = fieldsOf(fields['architecture']);
  const outputs = textsOf(architecture['output_modalities']);
  if (outputs.length > 0 && !outputs.includes('text'))
    return `it makes ${outputs.join(', ')}, which its chat format does not carry here`;
  const pricing = fieldsOf(fields['pricing']);
  const request: PriceLine = ['per_request', nothingOf(pricing['request']), 1n];
  const prices = pricesOf([...linesOf(pricing), request], tiersOf(pricing['overrides']), markup);
  if (typeof prices === 'string') return prices;
  const { max_completion_tokens: most } = fieldsOf(fields['top_provider']);
  const parameters = textsOf(given);
  const inputs = textsOf(architecture['input_modalities']);
  return {
    slug: slugOf(id),
    name: shortened(name, 127, id),
    description: shortened(description, 400, `${id} by OpenRouter.`),
    modality: 'text',
    provider: PROVIDER,
    providerModel: id,
    ...prices,
    capabilities: capabilitiesOf(parameters, inputs, most, context),
    outputTokens: isCount(most) ? most : isCount(context) ? context : undefined,
  };
}

const linesOf = (pricing: Fields): PriceLine[] => [
  ['per_1m_input_tokens', pricing['prompt'], MILLION],
  ['per_1m_output_tokens', pricing['completion'], MILLION],
  ['per_1m_cached_input_tokens', pricing['input_cache_read'], MILLION],
];

/** `[{min_prompt_tokens, prompt, completion …}]`: from so many tokens on. */
const tiersOf = (overrides: unknown): TierLines[] =>
  (Array.isArray(overrides) ? (overrides as unknown[]) : []).flatMap((one) => {
    const fields = fieldsOf(one);
    const from = fields['min_prompt_tokens'];
    return isCount(from) ? [{ aboveInputTokens: from - 1, lines: linesOf(fields) }] : [];
  });

function capabilitiesOf(
  parameters: readonly string[],
  inputs: readonly string[],
  most: unknown,
  context: unknown,
): Capabilities {
  const structured = parameters.includes('structured_outputs')
    ? (['json', 'json_schema'] as const)
    : parameters.includes('response_format')
      ? (['json'] as const)
      : [];
  return {
    tools: parameters.includes('tools'),
    structured_output: structured,
    image_input: inputs.includes('image'),
    ...(isCount(most) && { max_tokens: most }),
    ...(isCount(context) && { context_tokens: context }),
  };
}

/** Zero a request is no line of a price list. */
const nothingOf = (value: unknown): unknown => (Number(value) === 0 ? undefined : value);

const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null ? (value as Fields) : {};

const textsOf = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : [];
