/**
 * How long a sound is. A WAV is read here, since one that was written as it was spoken states no
 * length or an impossible one; the others by a library that reads their frames where it must.
 */
import { parseFromTokenizer } from 'music-metadata';
import { SourceTokenizer, type ByteSource } from './byte-source.js';

/** Undefined where the file does not tell, or is damaged. */
export async function soundDurationMs(
  source: ByteSource,
  contentType: string,
): Promise<number | undefined> {
  if (contentType === 'audio/wav') return wavDurationMs(source);
  let failure: Error | undefined;
  const read: ByteSource['read'] = (start, end) =>
    source.read(start, end).catch((error: Error) => {
      failure = error;
      throw error;
    });
  try {
    const tokenizer = new SourceTokenizer({ ...source, read });
    tokenizer.fileInfo.mimeType = contentType;
    const { format } = await parseFromTokenizer(tokenizer, { duration: true, skipCovers: true });
    return format.duration === undefined ? undefined : Math.round(format.duration * 1_000);
  } catch {
    if (failure) throw failure;
    return undefined;
  }
}

const CHUNKS_MAX = 1_000;

/** RIFF/WAVE: bytes of samples by bytes a second. Samples end with the file at the latest. */
async function wavDurationMs(source: ByteSource): Promise<number | undefined> {
  let bytesPerSecond = 0;
  let at = 12;
  for (let seen = 0; seen < CHUNKS_MAX; seen++) {
    const head = await source.read(at, at + 24);
    if (head.length < 8) return undefined;
    const name = head.toString('latin1', 0, 4);
    const size = head.readUInt32LE(4);
    if (name === 'fmt ' && head.length === 24) bytesPerSecond = head.readUInt32LE(16);
    if (name === 'data') {
      const bytes = Math.min(size || Infinity, source.sizeBytes - at - 8);
      return bytesPerSecond > 0 ? Math.round((bytes / bytesPerSecond) * 1_000) : undefined;
    }
    at += 8 + size + (size % 2);
  }
  return undefined;
}
