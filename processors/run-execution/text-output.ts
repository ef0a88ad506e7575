/** A generated text as callers read it: what `/result` has under `output`, and its summary. */
import type { Usage } from '../../contracts/events/execution.js';
import type { TextOutput } from '../../providers/port.js';

type Fields = Readonly<Record<string, unknown>>;

/** The summary tells how it ended and what it used, and neither its words nor its calls. */
export function textOutputOf(
  output: TextOutput,
  usage: Usage,
): { readonly body: Fields; readonly summary: Fields } {
  const { inputTokens = 0, cachedInputTokens, outputTokens = 0, reasoningTokens } = usage;
  const summary = {
    finish_reason: output.finishReason,
    usage: {
      input_tokens: inputTokens,
      ...(cachedInputTokens !== undefined && { cached_input_tokens: cachedInputTokens }),
      output_tokens: outputTokens,
      ...(reasoningTokens !== undefined && { reasoning_tokens: reasoningTokens }),
    },
  };
  const body = {
    text: output.text,
    ...(output.toolCalls && { tool_calls: output.toolCalls }),
    ...('json' in output && { json: output.json }),
    ...summary,
  };
  return { body, summary };
}
