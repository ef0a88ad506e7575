/** `/_sandbox/…`: record, behaviour and health of the sandbox, for tests and auditors. */
import { type IncomingMessage, type ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Desk } from './calls.js';
import { type CallLine } from './record.js';
import { readBody, sendJson } from './wire.js';

const behaviourBytesMax = 64 * 1024;

export async function answerControl(
  desk: Desk,
  path: string,
  search: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method = 'GET' } = request;
  const body = await readBody(request, behaviourBytesMax);
  if (body === 'aborted') return;
  if (path === '/_sandbox/healthz' && method === 'GET') return sendHealth(desk, response);
  if (path === '/_sandbox/calls' && method === 'GET') return sendCalls(desk, search, response);
  if (path === '/_sandbox/requests' && method === 'GET') {
    const data = desk.requests.of(new URLSearchParams(search).get('personality'));
    return sendJson(response, 200, JSON.stringify({ data }));
  }
  if (path === '/_sandbox/callbacks' && method === 'GET')
    return sendJson(response, 200, JSON.stringify({ data: desk.hosting.sent }));
  if (path === '/_sandbox/behaviour') {
    if (method === 'GET') return sendBehaviour(desk, response);
    if (method === 'DELETE') {
      desk.behaviours.reset();
      return sendBehaviour(desk, response);
    }
    if (method === 'PUT') {
      const complaint =
        body === 'too_large' ? 'The body is too large.' : desk.behaviours.update(jsonOf(body));
      if (complaint) return sendComplaint(response, 400, complaint);
      return sendBehaviour(desk, response);
    }
  }
  sendComplaint(response, 404, `There is no ${method} ${path}.`);
}

function sendHealth({ record }: Desk, response: ServerResponse): void {
  const trouble = record.trouble();
  const status = trouble ? `No record can be written: ${trouble.message}` : 'ok';
  sendJson(response, trouble ? 503 : 200, JSON.stringify({ status, calls: record.callsCount() }));
}

function sendBehaviour({ behaviours }: Desk, response: ServerResponse): void {
  sendJson(response, 200, JSON.stringify(behaviours.all()));
}

function sendComplaint(response: ServerResponse, status: number, message: string): void {
  sendJson(response, status, JSON.stringify({ error: { message } }));
}

function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

/**
 * `?after=&personality=&key=&limit=` → `{"data": [call…], "next_cursor": string | null}`, streamed
 * from the file. The cursor is the `n` of the last call shown, for `after`; null: nothing is left.
 */
async function sendCalls(desk: Desk, search: string, response: ServerResponse): Promise<void> {
  const query = new URLSearchParams(search);
  const after = Number(query.get('after') ?? 0);
  const limit = Number(query.get('limit') ?? Number.MAX_SAFE_INTEGER);
  if (!Number.isSafeInteger(after) || after < 0 || !Number.isSafeInteger(limit) || limit < 1) {
    return sendComplaint(response, 400, 'after and limit must be whole numbers.');
  }
  const matches = filterOf(query.get('personality'), query.get('key'));
  response.writeHead(200, { 'content-type': 'application/json' });
  const batches = desk.record.read(after);
  await pipeline(Readable.from(listing(batches, matches, limit)), response);
}

async function* listing(
  batches: AsyncIterable<readonly string[]>,
  matches: (line: string) => boolean,
  limit: number,
): AsyncGenerator<string> {
  let shown = 0;
  let lastShown = '';
  let cursor: string | null = null;
  yield '{"data":[';
  for await (const lines of batches) {
    let text = '';
    for (const line of lines) {
      if (!matches(line)) continue;
      if (shown === limit) {
        cursor = String((JSON.parse(lastShown) as CallLine).n);
        break;
      }
      text += shown === 0 ? `\n${line}` : `,\n${line}`;
      lastShown = line;
      shown += 1;
    }
    if (text) yield text;
    if (cursor !== null) break;
  }
  yield `\n],"next_cursor":${JSON.stringify(cursor)}}\n`;
}

/** Only lines that hold the wanted text anywhere are taken apart. */
function filterOf(personality: string | null, key: string | null): (line: string) => boolean {
  if (personality === null && key === null) return () => true;
  return (line) => {
    if (personality !== null && !line.includes(`"personality":${JSON.stringify(personality)}`)) {
      return false;
    }
    if (key === null) return true;
    if (/^[\w:.-]*$/.test(key) && !line.includes(key)) return false;
    const { idempotencyKey, dispatchKey } = JSON.parse(line) as CallLine;
    return idempotencyKey === key || dispatchKey === key;
  };
}
