/** The chunks of a streamed chat completion, folded to the completion that they add up to. */
import { isObject } from '../json-call.js';

type Fields = Readonly<Record<string, unknown>>;

interface OpenCall {
  name: string;
  arguments: string;
}

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
  const calls = new Map<unknown, OpenCall>();
  for (const chunk of chunks) {
    if (chunk['error']) return { error: chunk['error'] };
    usage = chunk['usage'] ?? groqUsage(chunk) ?? usage;
    const choice = firstOf(chunk['choices']);
    if (!choice) continue;
    if (isObject(choice['message']) && chunks.length === 1) return chunk;
    finishReason = choice['finish_reason'] ?? finishReason;
    failed = choice['error'] ?? failed;
    const delta = isObject(choice['delta']) ? choice['delta'] : { content: choice['text'] };
    content += textOf(delta['content']);
    refusal += textOf(delta['refusal']);
    addCalls(calls, delta['tool_calls']);
  }
  if (finishReason === undefined && failed === undefined) {
    if (!isEnded) return 'cut';
    if (content + refusal === '' && calls.size === 0) return { choices: [], usage };
  }
  const toolCalls = [...calls.values()].map((call) => ({ function: call }));
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

/** A call begins with its name; what follows under its index belongs to its arguments. */
function addCalls(calls: Map<unknown, OpenCall>, given: unknown): void {
  for (const one of Array.isArray(given) ? (given as unknown[]) : []) {
    if (!isObject(one)) continue;
    const { function: named, index = calls.size } = one;
    const { name, arguments: more } = isObject(named) ? named : {};
    const call = calls.get(index) ?? { name: '', arguments: '' };
    if (typeof name === 'string') call.name += name;
    if (typeof more === 'string') call.arguments += more;
    calls.set(index, call);
  }
}
