/**
 * What is sent is what was estimated. The defaults that a model's schema states are part of the
 * input, and so is the bound of what it may use, whether the schema knows it or not: the estimate
 * and the provider's call both read the input through `withDefaults`.
 */
import type { Model } from '../../contracts/catalogue/catalogue.js';
import type { Modality, Usage } from '../../contracts/events/execution.js';

type Input = Readonly<Record<string, unknown>>;

/**
 * The input, completed by the `default` of each top-level property that it leaves out. Where it
 * does not say how much it asks for, it gets the bound of `usageDefault`: of the model as it was
 * when the execution was accepted and estimated.
 */
export function withDefaults(
  model: Model,
  input: Input,
  { usageDefault }: Pick<Model, 'usageDefault'> = model,
): Input {
  const properties = model.inputSchema['properties'] as Record<string, unknown> | undefined;
  const missing: Record<string, unknown> = {};
  for (const [name, schema] of Object.entries(properties ?? {})) {
    if (Object.hasOwn(input, name)) continue;
    const value = (schema as { default?: unknown } | null)?.default;
    if (value !== undefined) missing[name] = value;
  }
  const completed = { ...missing, ...input };
  if (boundIn(model, input) !== undefined) return completed;
  const { field, unit } = boundOf[model.modality];
  const bound = usageDefault[unit] ?? boundIn(model, completed);
  return bound === undefined ? completed : { ...completed, [field]: bound };
}

/** By which field an input says how much it asks for, and the unit of usage that this bounds. */
export const boundOf = {
  text: { field: 'max_tokens', unit: 'outputTokens', inFile: 'output_tokens' },
  image: { field: 'num_images', unit: 'images', inFile: 'images' },
  audio: { field: 'duration_seconds', unit: 'seconds', inFile: 'seconds' },
  video: { field: 'duration_seconds', unit: 'seconds', inFile: 'seconds' },
} as const satisfies Record<Modality, { field: string; unit: keyof Usage; inFile: string }>;

/** Undefined where the input does not say. */
export function boundIn({ modality }: Model, input: Input): number | undefined {
  const { field, unit } = boundOf[modality];
  const value = input[field];
  const isBound = unit === 'seconds' ? isSeconds(value) : isCount(value);
  return isBound ? (value as number) : undefined;
}

export const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0;

export const isSeconds = (value: unknown): value is number =>
  typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER;
