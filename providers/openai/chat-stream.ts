/** The chunks of a streamed chat completion, folded to the completion that they add up to. */
import { isObject } from '../json-call.js';
import { openCalls } from './streamed-calls.js';

type Fields = Readonly<Record<string, unknown>>;

/**
 * `cut` where neither a chunk nor the stream itself says that it ended: some servers never give a
 * reason. An error in a chunk is the answer.
 */
export function foldChat(chunks: readonly Fields[], isEnded = false): Fields | 'cut' {
  let content = '';
  let refusal = '';
  let finishReason: unknown;
  let usage: unknown;
  let failed: unknown;
  const calls = openCalls();
  for (const chunk of chunks) {
    if (chunk['error']) return { error: chunk['error'] };
    usage = chunk['usage'] ?? groqUsage(chunk) ?? usage;
    const choice = firstOf(chunk['choices']);
    if (!choice) continue;
    if (isObject(choice['message']) && chunks.length === 1) return chunk;
    // Some servers say '' until there is a reason.
    finishReason = choice['finish_reason'] || finishReason;
    failed = choice['error'] ?? failed;
    const delta = isObject(choice['delta']) ? choice['delta'] : undefined;
    const { message } = choice;
    const piece = delta ?? (isObject(message) ? message : { content: choice['text'] });
    const said = textOf(piece['content']);
    // What comes as a message is all that was written so far.
    const isWhole = !delta && isObject(message) && said.startsWith(content);
    content = isWhole ? said : content + said;
    refusal += textOf(piece['refusal']);
    calls.add(piece['tool_calls'], piece['function_call']);
  }
  if (finishReason === undefined && failed === undefined) {
    if (!isEnded) return 'cut';
    if (content + refusal === '' && calls.made().length === 0) return { choices: [], usage };
  }
  const toolCalls = calls.made().map((call) => ({ function: call }));
  const message = { content, refusal: refusal || null, tool_calls: toolCalls };
  const choice = { index: 0, message, finish_reason: finishReason, error: failed };
  return { choices: [choice], usage };
}

const groqUsage = ({ x_groq: own }: Fields): unknown => (isObject(own) ? own['usage'] : undefined);

function firstOf(choices: unknown): Fields | undefined {
  const all = Array.isArray(choices) ? (choices as unknown[]).filter(isObject) : [];
  return all.find(({ index }) => (index ?? 0) === 0);
}

function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  const parts = (content as unknown[]).filter(isObject).map(({ text }) => text);
  return parts.filter((text) => typeof text === 'string').join('');
}
