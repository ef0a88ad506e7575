/** `GET /<personality>/files/<name>`. Downloads are no provider calls and are not recorded. */
import { type IncomingMessage, type ServerResponse } from 'node:http';
import { apiErrorBody, unknownPath } from './api-error.js';
import { type Desk, injectedFailure } from './calls.js';
import { pictureOfFile } from './images.js';
import { misbehave } from './misbehave.js';
import { type Personality } from './personalities.js';
import { video, videoOfFile } from './videos.js';
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
  const produce = method === 'GET' || method === 'HEAD' ? producerOf(desk, fileName) : null;
  if (!produce) {
    const body = apiErrorBody(unknownPath(method, `/${personality.name}/files/${fileName}`));
    return sendJson(response, 404, body);
  }
  const fate = desk.behaviours.fateOf(personality.name, 'files');
  if (fate.fails) {
    const { failure, headers } = injectedFailure(desk, personality);
    return sendJson(response, failure.status, apiErrorBody(failure), headers);
  }
  const { contentType } = produce;
  const body = await produce.bytes(personality);
  if (response.destroyed) return;
  if (fate.misbehaviour) {
    const redirectTo = `${desk.url}/${personality.name}/v1/elsewhere`;
    const spoiled = { request, response, contentType, body, usage: null, redirectTo };
    return misbehave(fate.misbehaviour, spoiled);
  }
  response.writeHead(200, { 'content-type': contentType, 'content-length': body.length });
  response.end(method === 'HEAD' ? undefined : body);
}

interface Producer {
  readonly contentType: string;
  bytes(personality: Personality): Promise<Buffer>;
}

function producerOf({ gallery }: Desk, fileName: string): Producer | null {
  const film = videoOfFile(fileName);
  if (film) return { contentType: 'video/mp4', bytes: ({ brush }) => video(film, brush) };
  const picture = pictureOfFile(fileName);
  return picture && { contentType: 'image/png', bytes: ({ brush }) => gallery.png(picture, brush) };
}
