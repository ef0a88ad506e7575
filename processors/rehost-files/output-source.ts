/**
 * The bytes of an output, wherever a provider put them: in its answer, in a data URL, or at an
 * address. Redirects are followed, each hop vetted anew. What a reason says is for operators, and
 * quotes no address.
 */
import { Readable } from 'node:stream';
import { DownloadCut, type Streamed } from '../../http/client/receive.js';
import { unpacked } from '../../http/client/unpack.js';
import type { Outbound } from '../../http/client/outbound.js';
import type { ProducedFile } from '../../providers/port.js';

/** `unusable` for good; `unreachable` now; `early`: it may be there in a moment. */
export interface Trouble {
  readonly kind: 'unusable' | 'unreachable' | 'early';
  readonly reason: string;
}

export interface Fetching {
  readonly downloads: Outbound;
  /** Scheme, host and port of the provider, as the catalogue has them. */
  readonly providerOrigin: string | undefined;
  readonly signal: AbortSignal;
}

/** Larger ones are not kept; see docs/build/outputs.md. */
export const FILE_BYTES_MAX = 150 * 1024 * 1024;
const DOWNLOAD_TIMEOUT_MS = 60_000;
/** Signed addresses of object stores have some thousand characters. */
const URL_LENGTH_MAX = 16 * 1024;
const REDIRECTS_MAX = 5;

export async function openSource(
  source: ProducedFile,
  fetching: Fetching,
): Promise<Readable | Trouble> {
  const text = 'base64' in source ? source.base64 : source.url;
  if (/^\s*data:/i.test(text)) return inDataUrl(text.trim());
  if ('base64' in source) return Readable.from([Buffer.from(text, 'base64')]);
  // What the parser makes of blanks and umlauts is what is vetted and called.
  const base = text.startsWith('/') ? fetching.providerOrigin : undefined;
  const url = URL.canParse(text, base) ? new URL(text, base).href : undefined;
  return url === undefined ? unusable('its address is no URL') : download(url, fetching);
}

/** RFC 2397; base64 in either alphabet, escaped or not, with or without padding and line breaks. */
function inDataUrl(url: string): Readable | Trouble {
  const comma = url.indexOf(',');
  if (comma < 0) return unusable('a data URL without data');
  const isBase64 = /;\s*base64\s*$/i.test(url.slice(0, comma));
  const data = url.slice(comma + 1);
  const plain = data.includes('%') ? unescaped(data) : data;
  return Readable.from([Buffer.from(plain, isBase64 ? 'base64' : 'latin1')]);
}

const unescaped = (text: string): string =>
  text.replace(/%([0-9a-f]{2})/gi, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );

async function download(first: string, fetching: Fetching): Promise<Readable | Trouble> {
  let url = first;
  for (let hops = 0; hops <= REDIRECTS_MAX; hops++) {
    const result = await fetching.downloads.download({
      url,
      timeoutMs: DOWNLOAD_TIMEOUT_MS,
      bytesMax: FILE_BYTES_MAX,
      urlLengthMax: URL_LENGTH_MAX,
      configuredOrigin: fetching.providerOrigin,
      signal: fetching.signal,
    });
    if (result.kind === 'refused') return unusable(result.reason);
    if (result.kind === 'failed') return troubleOf(result.reason);
    if (result.status === 200) return contentOf(result);
    result.body.destroy();
    const next = redirectOf(result, url);
    if (next === undefined) return refusal(result.status);
    url = next;
  }
  return unusable(`more than ${REDIRECTS_MAX} redirects`);
}

function redirectOf({ status, location = '' }: Streamed, url: string): string | undefined {
  const isRedirect = [301, 302, 303, 307, 308].includes(status);
  return isRedirect && URL.canParse(location, url) ? new URL(location, url).href : undefined;
}

/** What a store answers while it does not know yet of what was put into it. */
const EARLY = [202, 204, 403, 404, 409, 425];

function refusal(status: number): Trouble {
  const reason = `HTTP ${status}`;
  if (EARLY.includes(status)) return { kind: 'early', reason };
  const mayPass = status >= 500 || status === 408 || status === 429;
  return { kind: mayPass ? 'unreachable' : 'unusable', reason };
}

/** The connection ends with its reader, also with one that never began to read. */
function contentOf(answer: Streamed): Readable {
  const content = Readable.from(unpacked(answer, FILE_BYTES_MAX), { objectMode: false });
  return content.once('close', () => answer.body.destroy());
}

/** How a download that broke off is taken; anything else that was thrown is no affair of ours. */
export function troubleIn(error: unknown): Trouble | undefined {
  return error instanceof DownloadCut ? troubleOf(error.reason) : undefined;
}

function troubleOf(reason: DownloadCut['reason']): Trouble {
  if (reason === 'too_large') return tooLarge;
  return { kind: 'unreachable', reason: `it could not be fetched whole (${reason})` };
}

export const unusable = (reason: string): Trouble => ({ kind: 'unusable', reason });

export const tooLarge = unusable(`larger than ${FILE_BYTES_MAX / 1024 / 1024} MB`);
