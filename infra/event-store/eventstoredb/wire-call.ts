/** One call of gRPC on a stream of HTTP/2: messages go out and come in, and a status ends it. */
import { constants, type ClientHttp2Stream } from 'node:http2';
import { CallError, resetError, statusIn, type Told } from './call-error.js';
import { framed, messageReader } from './message-frames.js';

export interface CallHandlers<T> {
  /** What it throws ends the call. */
  readonly decode: (message: Buffer) => T;
  readonly message: (decoded: T) => void;
  /** Once, in a later turn than the call was made; nothing is called behind it. */
  readonly ended: (error?: CallError) => void;
  /** It takes messages again. */
  readonly drained?: () => void;
}

export interface WireCall {
  /** False when it should be given no more until `drained`. */
  write(message: Uint8Array): boolean;
  /** No more is written. */
  end(): void;
  fail(error: CallError): void;
}

/** Of messages that were written, and are not handed to the network. */
const WAITING_BYTES_MAX = 256 * 1024;

/** `lost`: why the connection ended, where it did. */
export function startCall<T>(
  stream: ClientHttp2Stream,
  on: CallHandlers<T>,
  lost: () => Error | undefined,
): WireCall {
  let told: Told = {};
  let status: CallError | 'ok' | undefined;
  let isRead = false;
  let isOver = false;

  function over(error: CallError | undefined): void {
    if (isOver) return;
    isOver = true;
    if (error) stream.close(constants.NGHTTP2_CANCEL);
    else stream.end();
    on.ended(error);
  }
  function hear(headers: Told): void {
    told = { ...told, ...headers };
    status = statusIn(told) ?? status;
    const isAnswered = told[':status'] === undefined || Number(told[':status']) === 200;
    if (status instanceof CallError) over(status);
    else if (!status && !isAnswered) over(resetError(undefined, told));
    else if (status && isRead) over(undefined);
  }
  const fail = (reason: string) => over(new CallError('INTERNAL', reason));
  const read = messageReader({
    broken: fail,
    message(message) {
      if (isOver) return;
      let decoded: T;
      try {
        decoded = on.decode(message);
      } catch (error) {
        return fail((error as Error).message);
      }
      on.message(decoded);
    },
  });

  stream.on('response', hear);
  stream.on('trailers', hear);
  stream.on('data', (chunk: Buffer) => {
    if (!isOver) read(chunk);
  });
  stream.on('end', () => {
    isRead = true;
    if (status === 'ok') over(undefined);
  });
  stream.on('error', () => undefined); // `close` follows, and says how it ended
  stream.on('close', () => {
    if (status === 'ok') return over(undefined);
    // A connection says why it ended behind the ends of its streams.
    setImmediate(() => {
      const gone = lost();
      over(gone ? new CallError('UNAVAILABLE', gone.message) : resetError(stream.rstCode, told));
    });
  });
  stream.on('drain', () => {
    if (!isOver) on.drained?.();
  });

  return {
    write: (message) =>
      !isOver && (stream.write(framed(message)) || stream.writableLength < WAITING_BYTES_MAX),
    end: () => void stream.end(),
    fail: over,
  };
}
