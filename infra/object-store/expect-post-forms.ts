/** Whether a store takes objects by form and keeps to the bounds of one; some S3 stores do not. */
import { randomUUID } from 'node:crypto';
import { FormData, request } from 'undici';
import { StartError } from '../start-error.js';
import type { S3 } from './client.js';
import { signedPostForm, type PostForm } from './post-form.js';
import { removeObject } from './sweep.js';

const POST_MS = 5_000;

/**
 * Posts two small objects below the prefix, by the address under which we reach the store, and
 * removes what came of them. Throws `StartError`.
 */
export async function expectPostForms(
  s3: S3,
  { endpoint, prefix }: { readonly endpoint: string; readonly prefix: string },
): Promise<void> {
  const key = `${prefix}${randomUUID()}`;
  const form = await signedPostForm(s3.client, s3.bucket, {
    key,
    sizeBytesMax: 1,
    lifeSeconds: 60,
  });
  try {
    const answer = await post(form, 'x');
    if (!isTaken(answer))
      throw new StartError(
        `The S3 store ${endpoint} takes no uploads by form (${answer}), which ` +
          "MODELROUTE_UPLOADS=direct needs: set it to 'own', or use a store that takes them.",
      );
    if (isTaken(await post(form, 'xx')))
      throw new StartError(
        `The S3 store ${endpoint} takes more bytes by form than the form allows, so that ` +
          "MODELROUTE_UPLOADS=direct would bound nothing: set it to 'own'.",
      );
  } finally {
    // What stays is swept as any upload that was not confirmed.
    await removeObject(s3, key).catch(() => undefined);
  }
}

const isTaken = (answer: number | string): boolean =>
  typeof answer === 'number' && answer >= 200 && answer < 300;

/** The status, or why there is none. */
async function post({ url, fields }: PostForm, file: string): Promise<number | string> {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.set(name, value);
  body.set('file', new Blob([file]));
  const signal = AbortSignal.timeout(POST_MS);
  try {
    const response = await request(url, { method: 'POST', body, signal });
    await response.body.dump();
    return response.statusCode;
  } catch (error) {
    return error instanceof Error ? error.message || error.name : String(error);
  }
}
