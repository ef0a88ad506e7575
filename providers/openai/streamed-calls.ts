/**
 * The calls of tools in a stream, put together from their pieces. A piece belongs to the call of
 * its index; but several servers give every call the index 0, or none at all, and some repeat the
 * name in each piece. So a call of its own begins with another id, with another name, or with a
 * name where the arguments before it are whole.
 */
import { isObject } from '../json-object.js';

interface OpenCall {
  readonly index: unknown;
  id: string;
  name: string;
  arguments: string;
}

export interface StreamedCalls {
  /** `tool_calls` of a chunk, and `function_call`, their older form. */
  add(toolCalls: unknown, functionCall: unknown): void;
  made(): readonly { readonly name: string; readonly arguments: string }[];
}

export function openCalls(): StreamedCalls {
  const calls: OpenCall[] = [];
  return {
    add(toolCalls, functionCall) {
      const pieces = Array.isArray(toolCalls) ? (toolCalls as unknown[]) : [];
      for (const piece of pieces) if (isObject(piece)) addPiece(calls, piece);
      if (isObject(functionCall)) addPiece(calls, { index: 'old', function: functionCall });
    },
    made: () => calls.map(({ name, arguments: given }) => ({ name, arguments: given })),
  };
}

function addPiece(calls: OpenCall[], piece: Readonly<Record<string, unknown>>): void {
  const { index, id: given, function: named } = piece;
  const { name: called, arguments: more } = isObject(named) ? named : piece;
  const id = typeof given === 'string' ? given : '';
  const name = typeof called === 'string' ? called : '';
  const open = calls.findLast(
    (call) => (id !== '' && call.id === id) || index === undefined || call.index === index,
  );
  const isNew = !open || beginsAnew(open, id, name, more);
  const call = isNew ? { index, id, name, arguments: '' } : open;
  if (isNew) calls.push(call);
  else if (call.name === '') call.name = name;
  if (call.id === '') call.id = id;
  if (typeof more === 'string') call.arguments += more;
  else if (isObject(more)) call.arguments = JSON.stringify(more);
}

function beginsAnew(open: OpenCall, id: string, name: string, more: unknown): boolean {
  if (id !== '' && open.id !== '') return id !== open.id;
  if (name === '') return false;
  if (open.name !== '' && name !== open.name) return true;
  return isWhole(open.arguments) && (isObject(more) || (typeof more === 'string' && more !== ''));
}

/** Arguments are an object; what follows a whole one belongs to another call. */
function isWhole(text: string): boolean {
  if (!text.trimEnd().endsWith('}')) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
