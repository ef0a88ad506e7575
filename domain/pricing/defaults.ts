/**
 * What is sent is what was estimated: the defaults that a model's schema states are part of the
 * input, so the estimate and the provider's call both read the input through this function.
 */
import type { Model } from '../../contracts/catalogue/catalogue.js';

type Input = Readonly<Record<string, unknown>>;

/** The input, completed by the `default` of each top-level property that it leaves out. */
export function withDefaults(model: Model, input: Input): Input {
  const properties = model.inputSchema['properties'] as Record<string, unknown> | undefined;
  if (!properties) return input;
  const missing: Record<string, unknown> = {};
  for (const [name, schema] of Object.entries(properties)) {
    if (Object.hasOwn(input, name)) continue;
    const value = (schema as { default?: unknown } | null)?.default;
    if (value !== undefined) missing[name] = value;
  }
  return { ...missing, ...input };
}
