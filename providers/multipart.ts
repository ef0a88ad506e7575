/**
 * A body of `multipart/form-data` (RFC 7578): texts as they are, files as a stream of their bytes,
 * so that a large one is never whole in memory. A file goes under a name that tells its type and
 * nothing of its owner.
 */
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { PreparedBody } from './json-call.js';
import type { InputFile } from './port.js';

export type FormField = readonly [name: string, value: string | InputFile];

export function multipartOf(fields: readonly FormField[]): PreparedBody {
  const boundary = `form-${randomBytes(16).toString('hex')}`;
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
