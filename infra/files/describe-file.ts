/**
 * What a file is, also where it is text: HTML and SVG are programs for browsers, JSON and XML are
 * told apart, and what is no format and no text is bytes.
 */
import type { ByteSource } from './byte-source.js';
import { inspectFile, type FileInfo } from './inspect-file.js';

/** Rejects only as the source does. */
export async function describeFile(source: ByteSource): Promise<FileInfo> {
  const found = await inspectFile(source);
  // The mark of UTF-16 reads as the head of a frame of MPEG audio.
  const mayBeText = found?.format === 'xml' || found?.contentType === 'audio/mpeg';
  if (found && !mayBeText) return found;
  return (await textInfo(source)) ?? found ?? BYTES;
}

const BYTES: FileInfo = { contentType: 'application/octet-stream', format: 'bin' };
const HTML: FileInfo = { contentType: 'text/html', format: 'html' };
const SVG: FileInfo = { contentType: 'image/svg+xml', format: 'svg' };
const XML: FileInfo = { contentType: 'application/xml', format: 'xml' };
const JSON_TEXT: FileInfo = { contentType: 'application/json', format: 'json' };
const PLAIN: FileInfo = { contentType: 'text/plain', format: 'txt' };

const HEAD_BYTES = 64 * 1024;
/** Larger JSON is text: it would have to be parsed to be known. */
const JSON_BYTES_MAX = 1024 * 1024;

async function textInfo(source: ByteSource): Promise<FileInfo | undefined> {
  const head = await source.read(0, HEAD_BYTES);
  const text = textOf(head, head.length < source.sizeBytes);
  if (text === undefined || source.sizeBytes === 0) return undefined;
  const begun = text.replace(/^\ufeff?\s*/, '');
  const marked = markupIn(begun);
  if (marked) return marked;
  if (/^[[{]/.test(begun) && source.sizeBytes <= JSON_BYTES_MAX && (await isJson(source)))
    return JSON_TEXT;
  return PLAIN;
}

/** Undefined where it is neither UTF-8 nor marked UTF-16, or has characters that no text has. */
function textOf(head: Buffer, isCut: boolean): string | undefined {
  try {
    const text = new TextDecoder(encodingOf(head), { fatal: true }).decode(head, { stream: isCut });
    return CONTROLS.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}

const encodingOf = ([first, second]: Buffer): string =>
  first === 0xff && second === 0xfe
    ? 'utf-16le'
    : first === 0xfe && second === 0xff
      ? 'utf-16be'
      : 'utf-8';

const CONTROLS = /[\u0000-\u0008\u000b\u000e-\u001a\u001c-\u001f\u007f]/;

/** Names that make a browser take text for HTML (WHATWG MIME Sniffing 7.1). */
const HTML_BEGINS = new RegExp(
  '^<(!doctype html|html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p|img|link|' +
    'meta|object|embed|form|input|video|audio)[\\s>/]',
  'i',
);
/** What may stand before a root element; in one way only, so that it is found in linear time. */
const PROLOGUE = /^(<\?[^>]*\?>|<!--[^]*?-->|<!doctype svg[^>[]*(\[[^\]]*\][^>]*)?>|\s+)/i;

function markupIn(begun: string): FileInfo | undefined {
  let rest = begun;
  for (let cut = PROLOGUE.exec(rest); cut; cut = PROLOGUE.exec(rest))
    rest = rest.slice(cut[0].length);
  if (/^<([a-z][\w.-]*:)?svg[\s>/]/i.test(rest)) return SVG;
  if (begun.startsWith('<?xml')) return /^<([a-z][\w.-]*:)?html[\s>]/i.test(rest) ? HTML : XML;
  // Comments alone are HTML to a browser.
  return HTML_BEGINS.test(rest) || begun.startsWith('<!--') ? HTML : undefined;
}

async function isJson(source: ByteSource): Promise<boolean> {
  try {
    JSON.parse((await source.read(0, source.sizeBytes)).toString('utf8').replace(/^\ufeff/, ''));
    return true;
  } catch {
    return false;
  }
}
