/** Messages as gRPC puts them into a stream: a byte for compression, the length, the message. */
const HEAD_BYTES = 5;

/** The server keeps records of 16 MB; more is no message of its. */
const MESSAGE_BYTES_MAX = 17 * 1024 * 1024;

export function framed(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(HEAD_BYTES + message.length);
  frame[0] = 0;
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, HEAD_BYTES);
  return frame;
}

interface FrameHandlers {
  /** It may share memory with the chunk. */
  readonly message: (message: Buffer) => void;
  /** What came is no message; nothing behind it can be read. */
  readonly broken: (reason: string) => void;
}

/** Takes the stream as it comes. */
export function messageReader(on: FrameHandlers): (chunk: Buffer) => void {
  let chunks: Buffer[] = [];
  let bytes = 0;
  let needed = HEAD_BYTES;
  return (chunk) => {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes < needed) return;
    const all = chunks.length === 1 ? chunk : Buffer.concat(chunks, bytes);
    let at = 0;
    for (;;) {
      needed = HEAD_BYTES;
      if (all.length - at < needed) break;
      const length = all.readUInt32BE(at + 1);
      if (all[at] !== 0) return on.broken('a message came compressed, which nobody asked for');
      if (length > MESSAGE_BYTES_MAX) return on.broken(`a message came with ${length} bytes`);
      needed += length;
      if (all.length - at < needed) break;
      on.message(all.subarray(at + HEAD_BYTES, (at += needed)));
    }
    bytes = all.length - at;
    chunks = bytes > 0 ? [all.subarray(at)] : [];
  };
}
