/** `GET /<personality>/files/<name>.png`. Downloads are no provider calls and are not recorded. */
import { type IncomingMessage, type ServerResponse } from 'node:http';
import { apiErrorBody, unknownPath } from './api-error.js';
import { type Desk, injectedFailure } from './calls.js';
import { pictureOfFile } from './images.js';
import { misbehave } from './misbehave.js';
import { type Personality } from './personalities.js';
import { sendJson } from './wire.js';

export async function sendFile(
  desk: Desk,
  personality: Personality,
  fileName: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  request.resume();
  const { method = 'GET' } = request;
  const spec = method === 'GET' || method === 'HEAD' ? pictureOfFile(fileName) : null;
  if (!spec) {
    const body = apiErrorBody(unknownPath(method, `/${personality.name}/files/${fileName}`));
    return sendJson(response, 404, body);
  }
  const fate = desk.behaviours.fateOf(personality.name, 'files');
  if (fate.fails) {
    const { failure, headers } = injectedFailure(desk, personality);
    return sendJson(response, failure.status, apiErrorBody(failure), headers);
  }
  const body = await desk.gallery.png(spec, personality.brush);
  if (response.destroyed) return;
  const contentType = 'image/png';
  if (fate.misbehaviour) {
    const redirectTo = `${desk.url}/${personality.name}/v1/elsewhere`;
    const spoiled = { request, response, contentType, body, usage: null, redirectTo };
    return misbehave(fate.misbehaviour, spoiled);
  }
  response.writeHead(200, { 'content-type': contentType, 'content-length': body.length });
  response.end(method === 'HEAD' ? undefined : body);
}
