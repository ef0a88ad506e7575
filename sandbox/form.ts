/** `multipart/form-data` (RFC 7578) as it comes: texts as fields, files as bytes. */

/**
 * Null for what is no such form. A field that is repeated is a list; its name may end in `[]`, as
 * OpenAI's clients write it.
 */
export function formOf(body: Buffer, contentType: string): Record<string, unknown> | null {
  const [, quoted, plain] =
    /;\s*boundary=(?:"([^"]{1,70})"|([^;\s]{1,70}))/i.exec(contentType) ?? [];
  const boundary = quoted ?? plain;
  if (!/^multipart\/form-data/i.test(contentType) || boundary === undefined) return null;
  const mark = Buffer.from(`\r\n--${boundary}`);
  // The first boundary has no line before it.
  const bytes = Buffer.concat([Buffer.from('\r\n'), body]);
  const fields: Record<string, unknown> = {};
  for (let at = bytes.indexOf(mark); at >= 0;) {
    const from = at + mark.length;
    if (bytes.toString('latin1', from, from + 2) === '--') return fields;
    const next = bytes.indexOf(mark, from);
    const headEnd = bytes.indexOf('\r\n\r\n', from);
    if (next < 0 || headEnd < 0 || headEnd > next) return null;
    add(fields, bytes.toString('utf8', from, headEnd), bytes.subarray(headEnd + 4, next));
    at = next;
  }
  return null;
}

function add(fields: Record<string, unknown>, head: string, content: Buffer): void {
  const [, given = ''] = /;\s*name="([^"]*)"/i.exec(head) ?? [];
  const name = given.replace(/\[\]$/, '');
  const value = /;\s*filename="/i.test(head) ? content : content.toString('utf8');
  const before = fields[name];
  const isList = before !== undefined || given !== name;
  fields[name] = isList ? [before ?? [], value].flat() : value;
}
