/** The `Range` header (RFC 9110, 14.2), as far as one range of bytes goes. */
import type { ByteRange } from '../../infra/files/port.js';

/**
 * Undefined when everything is to be sent: no header, another unit, several ranges, or a header
 * that is none; the RFC lets a server ignore those.
 */
export function rangeIn(
  header: string | undefined,
  sizeBytes: number,
): ByteRange | 'unsatisfiable' | undefined {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/i.exec(header?.trim() ?? '') ?? [];
  if (first === '' && last === '') return undefined;
  if (first === '') {
    const bytes = Math.min(Number(last), sizeBytes);
    return bytes > 0 ? { start: sizeBytes - bytes, end: sizeBytes - 1 } : 'unsatisfiable';
  }
  const start = Number(first);
  const end = last === '' ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1);
  if (last !== '' && Number(last) < start) return undefined;
  return start < sizeBytes ? { start, end } : 'unsatisfiable';
}
