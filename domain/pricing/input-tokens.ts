/** How many tokens an input may be counted as, before a provider has counted them. */
type Input = Readonly<Record<string, unknown>>;

/** What the chat format adds around one message (role, separators) and around all of them. */
const TOKENS_PER_PART = 16;

/**
 * The most input tokens that a text input can be counted as: one per UTF-8 byte of every string in
 * it, and 16 for each object (a message) and for the whole. A byte-level tokenizer never makes more
 * tokens than there are bytes, whatever the language; what is not used returns with the hold.
 */
export function inputTokensMax(input: Input): number {
  let tokens = 0;
  const open: unknown[] = [input];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (typeof value === 'string') tokens += Buffer.byteLength(value);
    if (typeof value !== 'object' || value === null) continue;
    if (!Array.isArray(value)) tokens += TOKENS_PER_PART;
    for (const part of Object.values(value)) if (part !== undefined) open.push(part);
  }
  return tokens;
}
