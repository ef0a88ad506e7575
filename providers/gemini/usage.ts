/** The tokens that an answer of Gemini's says were used. */
import type { Usage } from '../../contracts/events/execution.js';
import { isObject } from '../json-object.js';

export function tokensIn({ usageMetadata: told }: Readonly<Record<string, unknown>>): Usage {
  const { promptTokenCount: input, candidatesTokenCount: output } = isObject(told) ? told : {};
  return {
    ...(isCount(input) && { inputTokens: input }),
    ...(isCount(output) && { outputTokens: output }),
  };
}

const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0;
