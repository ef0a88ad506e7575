/**
 * How fal says what went wrong: `{detail: [{loc: ['body', 'prompt'], type, msg, …}]}` by the model,
 * `{detail: 'text'}` by the queue. These are the types that others do not have.
 */
import { readFailureBy } from '../failures.js';
import { unmapped } from '../input-map.js';
import { jobFailed } from '../job-answers.js';
import { isObject } from '../json-object.js';
import { meanings } from '../meanings.js';
import type { ProviderCall, ProviderResult } from '../port.js';

export const readFailure = readFailureBy({
  words: {
    generation_timeout: meanings.timedOut,
    downstream_service_error: meanings.broken,
    downstream_service_unavailable: meanings.unavailable,
    internal_server_error: meanings.broken,
    no_media_generated: meanings.broken,
    // It could not fetch what we named.
    file_download_error: meanings.refused,
    feature_not_supported: meanings.refused,
    unsupported_audio_format: meanings.wrongFormat,
    unsupported_video_format: meanings.wrongFormat,
    unsupported_archive_format: meanings.wrongFormat,
    file_too_large: meanings.invalid,
    image_too_large: meanings.invalid,
    image_too_small: meanings.invalid,
    face_detection_error: meanings.invalid,
    audio_duration_too_long: meanings.invalid,
    audio_duration_too_short: meanings.invalid,
    video_duration_too_long: meanings.invalid,
    video_duration_too_short: meanings.invalid,
  },
});

/** Of a job that is over; undefined where the payload has no error in the model's form. */
export function failureInPayload(
  payload: unknown,
  call: Pick<ProviderCall, 'input' | 'inputMap'>,
): ProviderResult | undefined {
  if (!isObject(payload) || !Array.isArray(payload['detail'])) return undefined;
  const read = unmapped(call, readFailure);
  const outcome = read({ status: 422, body: payload, retryAfterMs: undefined });
  // Whatever it says of time: the job is over, and nothing is owed for it.
  return outcome.kind === 'failed' ? outcome : jobFailed(meanings.timedOut, outcome.detail);
}
