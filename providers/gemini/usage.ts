/** The tokens that an answer of Gemini's says were used. */
import type { Usage } from '../../contracts/events/execution.js';
import { isObject } from '../json-object.js';
import { countOf } from '../text/tokens.js';

/** Thoughts are counted beside what came of them, and paid like it. */
export function tokensIn({ usageMetadata: told }: Readonly<Record<string, unknown>>): Usage {
  const usage = isObject(told) ? told : {};
  const input = countOf(usage['promptTokenCount']);
  const said = countOf(usage['candidatesTokenCount']);
  const thought = countOf(usage['thoughtsTokenCount']);
  const output =
    said === undefined && thought === undefined ? undefined : (said ?? 0) + (thought ?? 0);
  return {
    ...(input !== undefined && { inputTokens: input }),
    ...(output !== undefined && { outputTokens: output }),
    ...(thought !== undefined && { reasoningTokens: thought }),
  };
}
