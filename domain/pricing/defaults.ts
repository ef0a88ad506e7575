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
  let missing: Record<string, unknown> | undefined;
  for (const name in properties) {
    if (Object.hasOwn(input, name)) continue;
    const value = (properties[name] as { default?: unknown } | null)?.default;
    if (value !== undefined) (missing ??= {})[name] = value;
  }
  const completed = missing ? { ...missing, ...input } : input;
  if (boundIn(model, input) !== undefined) return completed;
  const { field, unit } = boundOf[model.modality];
  if (field === undefined) return completed;
  const bound = usageDefault[unit] ?? boundIn(model, completed);
  return bound === undefined ? completed : { ...completed, [field]: bound };
}

interface Bound {
  /** Absent where the input is itself what is charged. */
  readonly field?: string;
  readonly unit: keyof Usage;
  /** Of `usage_default` in the catalogue file. */
  readonly inFile: string;
}

/** By which field an input says how much it asks for, and the unit of usage that this bounds. */
export const boundOf: Readonly<Record<Modality, Bound>> = {
  text: { field: 'max_tokens', unit: 'outputTokens', inFile: 'output_tokens' },
  image: { field: 'num_images', unit: 'images', inFile: 'images' },
  audio: { unit: 'characters', inFile: 'characters' },
  transcription: { unit: 'seconds', inFile: 'seconds' },
  embedding: { unit: 'inputTokens', inFile: 'input_tokens' },
  video: { field: 'duration_s', unit: 'seconds', inFile: 'seconds' },
};

/** Undefined where the input does not say. */
export function boundIn({ modality, usageDefault }: Model, input: Input): number | undefined {
  const { field, unit } = boundOf[modality];
  if (modality === 'audio') return charactersIn(input);
  if (field === undefined) return usageDefault[unit];
  const value = input[field];
  const isBound = unit === 'seconds' ? isSeconds(value) : isCount(value);
  return isBound ? (value as number) : undefined;
}

const charactersIn = ({ text }: Input): number | undefined =>
  typeof text === 'string' ? [...text].length : undefined;

export const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0;

export const isSeconds = (value: unknown): value is number =>
  typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER;
