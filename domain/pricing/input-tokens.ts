/** How many tokens an input may be counted as, before a provider has counted them. */
type Input = Readonly<Record<string, unknown>>;

/** Of a usual text: what a provider will count is nearer to this than to the most. */
export const BYTES_PER_TOKEN = 4;

/** What the chat format adds around one message (role, separators) and around all of them. */
const TOKENS_PER_PART = 16;

/** What providers add around tools: how to call them. */
const TOKENS_OF_TOOLS = 600;

/** Of a file that a part names: nobody has looked into it yet, so it counts as a large one. */
const TOKENS_PER_FILE: ReadonlyMap<unknown, number> = new Map([
  ['image', 5_000],
  ['audio', 25_000],
  ['file', 100_000],
]);

/** Objects whose keys are words too: JSON Schemas, and arguments of tools. */
const WRITTEN_OUT = new Set(['parameters', 'schema', 'arguments']);

/**
 * The most input tokens that a text input can be counted as: one per UTF-8 byte of every string in
 * it and of the JSON of every schema, 16 for each object (a message) and for the whole, and for a
 * file by its kind. A byte-level tokenizer never makes more tokens than there are bytes, whatever
 * the language; what is not used returns with the hold.
 */
export function inputTokensMax(input: Input): number {
  let tokens = Array.isArray(input['tools']) ? TOKENS_OF_TOOLS : 0;
  const open: unknown[] = [input];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (typeof value === 'string') tokens += Buffer.byteLength(value);
    if (typeof value !== 'object' || value === null) continue;
    if (!Array.isArray(value)) tokens += TOKENS_PER_PART + tokensOfFile(value as Input);
    for (const [name, part] of Object.entries(value)) {
      if (part === undefined) continue;
      if (typeof part === 'object' && WRITTEN_OUT.has(name))
        tokens += Buffer.byteLength(JSON.stringify(part));
      else open.push(part);
    }
  }
  return tokens;
}

const tokensOfFile = ({ type, file_id: fileId }: Input): number =>
  typeof fileId === 'string' ? (TOKENS_PER_FILE.get(type) ?? 0) : 0;
