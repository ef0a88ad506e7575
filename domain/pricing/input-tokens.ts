/** How many tokens an input may be counted as, before a provider has counted them. */
type Input = Readonly<Record<string, unknown>>;

/** What the chat format adds around one message (role, separators) and around all of them. */
const TOKENS_PER_PART = 16;
/** Of a file that a part names: nobody has looked into it yet. */
const TOKENS_PER_FILE: Readonly<Record<string, number>> = {
  image: 5_000,
  audio: 25_000,
  file: 100_000,
};

/**
 * The most input tokens that a text input can be counted as: one per UTF-8 byte of every string in
 * it, and 16 for each object (a message) and for the whole. A byte-level tokenizer never makes more
 * tokens than there are bytes, whatever the language; what is not used returns with the hold. An
 * image, a recording or a document is counted as a large one.
 */
export function inputTokensMax(input: Input): number {
  let tokens = 0;
  const open: unknown[] = [input];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (typeof value === 'string') tokens += Buffer.byteLength(value);
    if (typeof value !== 'object' || value === null) continue;
    if (!Array.isArray(value)) tokens += TOKENS_PER_PART + fileTokens(value as Input);
    for (const part of Object.values(value)) if (part !== undefined) open.push(part);
  }
  return tokens;
}

const fileTokens = ({ type, file_id: fileId }: Input): number =>
  fileId === undefined ? 0 : (TOKENS_PER_FILE[String(type)] ?? 0);
