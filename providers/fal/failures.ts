/**
 * How fal says what went wrong: `{detail: [{loc: ['body', 'prompt'], type, msg, …}]}` by the
 * model, or that list alone; `{detail: 'text', error_type}` by the queue, which has run it again
 * where it was to be. These are the types that others do not have.
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
    startup_timeout: meanings.unavailable,
    runner_scheduling_failure: meanings.overloaded,
    runner_connection_timeout: meanings.unavailable,
    runner_connection_refused: meanings.unavailable,
    runner_connection_error: meanings.broken,
    runner_disconnected: meanings.broken,
    runner_incomplete_response: meanings.broken,
    runner_server_error: meanings.broken,
    client_cancelled: meanings.inUse,
    request_cancelled: meanings.inUse,
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
  const detail = isObject(payload) ? payload['detail'] : payload;
  return Array.isArray(detail) ? failureOf({ detail }, 422, call) : undefined;
}

/** The same, where the queue itself says that the job failed; `status` is what it names. */
export function failureInStatus(
  { error, detail, error_type: type }: Readonly<Record<string, unknown>>,
  call: Pick<ProviderCall, 'input' | 'inputMap'>,
  status = 500,
): ProviderResult | undefined {
  if (typeof type === 'string') return failureOf({ error_type: type, detail }, status, call);
  const said = detail ?? error;
  if (typeof said !== 'string') return undefined;
  const outcome = failureOf({ detail: said }, status, call);
  const isCallers = outcome.kind === 'failed' && !outcome.retryable;
  const told = status === 500 ? '' : ` (${status})`;
  return isCallers ? outcome : jobFailed(meanings.broken, `the job failed${told}`);
}

/** Whatever it says of time: the job is over, and nothing is owed for it. */
function failureOf(
  body: object,
  status: number,
  call: Pick<ProviderCall, 'input' | 'inputMap'>,
): ProviderResult {
  const outcome = unmapped(call, readFailure)({ status, body, retryAfterMs: undefined });
  return outcome.kind === 'failed' ? outcome : jobFailed(meanings.timedOut, outcome.detail);
}
