/**
 * A body of `multipart/form-data` (RFC 7578): texts as they are, files as a stream of their bytes,
 * so that a large one is never whole in memory. A file goes under a name that tells its type and
 * nothing of its owner.
 */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { PreparedBody } from './json-call.js';
import type { InputFile } from './port.js';

export type FormField = readonly [name: string, value: string | InputFile];

/**
 * The same bytes again for the same fields, so that a repeated call is the same call. What
 * separates the parts follows from all that is in them, so that none of them can contain it.
 */
export async function multipartOf(fields: readonly FormField[]): Promise<PreparedBody> {
  const boundary = `form-${await digestOf(fields)}`;
  const parts = fields.map(([name, value]) => ({ head: headOf(boundary, name, value), value }));
  const end = Buffer.from(`--${boundary}--\r\n`);
  let bytes = end.length;
  for (const { head, value } of parts)
    bytes += head.length + (isText(value) ? Buffer.byteLength(value) : value.sizeBytes) + 2;
  async function* pieces() {
    for (const { head, value } of parts) {
      yield head;
      if (isText(value)) yield Buffer.from(value);
      else for await (const chunk of await value.stream()) yield chunk as Buffer;
      yield Buffer.from('\r\n');
    }
    yield end;
  }
  return new PreparedBody(`multipart/form-data; boundary=${boundary}`, {
    bytes,
    open: () => Promise.resolve(Readable.from(pieces())),
  });
}

async function digestOf(fields: readonly FormField[]): Promise<string> {
  const digest = createHash('sha256');
  for (const [name, value] of fields) {
    digest.update(`${name}\n`);
    if (isText(value)) digest.update(value);
    else for await (const chunk of await value.stream()) digest.update(chunk as Buffer);
    digest.update('\n');
  }
  return digest.digest('hex').slice(0, 40);
}

const isText = (value: string | InputFile): value is string => typeof value === 'string';

function headOf(boundary: string, name: string, value: string | InputFile): Buffer {
  const quoted = name.replace(/["\r\n]/g, (sign) => encodeURIComponent(sign));
  const disposition = `content-disposition: form-data; name="${quoted}"`;
  if (isText(value)) return Buffer.from(`--${boundary}\r\n${disposition}\r\n\r\n`);
  const { contentType } = value;
  const ending = contentType.split('/').at(-1)?.replace(/\W/g, '') ?? 'bin';
  const lines = [`${disposition}; filename="file.${ending}"`, `content-type: ${contentType}`];
  return Buffer.from(`--${boundary}\r\n${lines.join('\r\n')}\r\n\r\n`);
}
