/** The events of a streamed Anthropic message, folded to the message that they add up to. */
import { isObject } from '../json-object.js';

type Fields = Readonly<Record<string, unknown>>;

/** `cut` where no event says why it ended. An `error` among them is the answer (json-call.ts). */
export function foldMessages(events: readonly Fields[]): Fields | 'cut' {
  let message: Fields = {};
  let usage: Fields = {};
  let ending: Fields = {};
  const blocks = new Map<unknown, Block>();
  for (const event of events) {
    const { type, index, delta } = event;
    if (type === 'message_start' && isObject(event['message'])) {
      message = event['message'];
      usage = isObject(message['usage']) ? message['usage'] : {};
    } else if (type === 'content_block_start' && isObject(event['content_block']))
      blocks.set(index, { ...event['content_block'] });
    else if (type === 'content_block_delta' && isObject(delta)) addTo(blocks.get(index), delta);
    else if (type === 'message_delta') {
      if (isObject(delta)) ending = { ...ending, ...delta };
      if (isObject(event['usage'])) usage = { ...usage, ...stated(event['usage']) };
    }
  }
  if (typeof ending['stop_reason'] !== 'string') return 'cut';
  const content = [...blocks.values()].map(({ json, ...block }) =>
    json === undefined ? block : { ...block, input: json },
  );
  return { ...message, ...ending, content, usage };
}

interface Block {
  [name: string]: unknown;
  /** The arguments of a tool, piece by piece. */
  json?: string;
}

function addTo(block: Block | undefined, { type, text, partial_json: json }: Fields): void {
  if (!block) return;
  if (type === 'text_delta' && typeof text === 'string') {
    const before = block['text'];
    block['text'] = (typeof before === 'string' ? before : '') + text;
  }
  if (type === 'input_json_delta' && typeof json === 'string' && json !== '')
    block.json = (block.json ?? '') + json;
}

/** A later `null` takes nothing back. */
const stated = (usage: Fields): Fields =>
  Object.fromEntries(Object.entries(usage).filter(([, value]) => value !== null));
