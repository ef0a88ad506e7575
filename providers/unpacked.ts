/**
 * The body of an answer as it was before somebody packed it, asked for or not (RFC 9110, 8.4). What
 * it says of itself is not believed: `Identity`, an empty or an unheard-of coding, or one that the
 * bytes do not have, leaves them as they came; bytes that begin like gzip are gzip.
 */
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import { withoutBlanks } from './without-blanks.js';

export type Unpacked =
  | { readonly body: Buffer }
  /** `cut`: it ends before it is done. */
  | { readonly failed: 'cut' | 'too_large' | 'unreadable' };

/** `isRefusal`: what there is of it will do. */
interface Limits {
  readonly bytesMax: number;
  readonly isRefusal: boolean;
}

type Unpack = (body: Buffer, options: zlib.ZlibOptions & zlib.BrotliOptions) => Promise<Buffer>;

const inflate: Unpack = promisify(zlib.inflate);
const inflateRaw: Unpack = promisify(zlib.inflateRaw);
const gunzip: Unpack = promisify(zlib.gunzip);

const codings: ReadonlyMap<string, Unpack> = new Map<string, Unpack>([
  ['gzip', gunzip],
  ['x-gzip', gunzip],
  // Some servers leave out the zlib header that the coding has by its definition.
  ['deflate', (body, options) => (isZlib(body) ? inflate : inflateRaw)(body, options)],
  ['br', promisify(zlib.brotliDecompress)],
  ...zstd(),
]);

const CODINGS_MAX = 3;

/** Undefined where nothing is packed, which is the usual case. */
export function packing(body: Buffer, header: string | undefined): readonly string[] | undefined {
  const named = (header ?? '').toLowerCase().split(',');
  const known = named.map((one) => one.trim()).filter((one) => codings.has(one));
  if (known.length > 0) return looksPlain(body) ? undefined : known;
  return isGzip(body) ? ['gzip'] : undefined;
}

export async function unpack(
  packed: Buffer,
  named: readonly string[],
  { bytesMax, isRefusal }: Limits,
): Promise<Unpacked> {
  if (named.length > CODINGS_MAX) return { failed: 'unreadable' };
  const { Z_SYNC_FLUSH, BROTLI_OPERATION_FLUSH } = zlib.constants;
  let body = packed;
  // The last coding was applied last.
  for (const name of named.toReversed()) {
    const flush = name === 'br' ? BROTLI_OPERATION_FLUSH : Z_SYNC_FLUSH;
    const options = { maxOutputLength: bytesMax, ...(isRefusal && { finishFlush: flush }) };
    try {
      body = (await codings.get(name)?.(body, options)) ?? body;
    } catch (error) {
      return { failed: reasonOf(error as NodeJS.ErrnoException) };
    }
  }
  return { body };
}

function reasonOf({ code }: NodeJS.ErrnoException): 'cut' | 'too_large' | 'unreadable' {
  if (code === 'ERR_BUFFER_TOO_LARGE') return 'too_large';
  return code === 'Z_BUF_ERROR' ? 'cut' : 'unreadable';
}

/** A gateway that unpacked the body may have left the header there. */
const looksPlain = (body: Buffer): boolean =>
  /^\ufeff?\s*([{[]|data:|event:)/.test(withoutBlanks(body).toString('utf8', 0, 32));

const isGzip = (body: Buffer): boolean => body[0] === 0x1f && body[1] === 0x8b && body[2] === 8;

/** RFC 1950: the method is deflate, and the first two bytes are a multiple of 31. */
const isZlib = (body: Buffer): boolean =>
  body.length > 1 && (body[0]! & 0x0f) === 8 && body.readUInt16BE(0) % 31 === 0;

/** Only newer versions of Node have it. */
function zstd(): [string, Unpack][] {
  const { zstdDecompress } = zlib as { zstdDecompress?: typeof zlib.gunzip };
  return zstdDecompress ? [['zstd', promisify(zstdDecompress)]] : [];
}
