/** Bodies: whole and bounded on the way in, JSON or bytes on the way out. */
import { type IncomingMessage, type ServerResponse } from 'node:http';

/**
 * The body, or why there is none. A body over the bound is drained and thrown away, so that its
 * sender, who may not read before it has written, gets to see the refusal; at four times the
 * bound the draining ends and the connection is left to its fate.
 */
export function readBody(
  request: IncomingMessage,
  bytesMax: number,
): Promise<Buffer | 'too_large' | 'aborted'> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= bytesMax) chunks.push(chunk);
      else chunks.length = 0;
      if (bytes > bytesMax * 4) resolve('too_large');
    });
    request.on('end', () => {
      if (bytes > bytesMax) resolve('too_large');
      else resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks));
    });
    request.on('close', () => resolve('aborted'));
  });
}

export function sendJson(
  response: ServerResponse,
  status: number,
  body: string,
  headers: Record<string, string> = {},
): void {
  sendBytes(response, status, Buffer.from(body), {
    'content-type': 'application/json',
    ...headers,
  });
}

export function sendBytes(
  response: ServerResponse,
  status: number,
  body: Buffer,
  headers: Record<string, string>,
): void {
  if (response.destroyed) return;
  response.writeHead(status, { 'content-length': body.length, ...headers });
  response.end(body);
}
