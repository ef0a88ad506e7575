/**
 * The words in which providers agree, whoever sends them: codes, types, phrases and statuses. A
 * vendor's own table goes before them.
 */
import { meanings, type Meaning } from './meanings.js';
import { normalised } from './error-body.js';

export interface Word {
  readonly meaning: Meaning;
  /** As an operator reads it. */
  readonly spelled: string;
}

const table = (...lines: readonly (readonly [Meaning, string])[]): ReadonlyMap<string, Word> =>
  new Map(lines.flatMap(([meaning, words]) => words.split(' ').map((one) => word(one, meaning))));

const word = (spelled: string, meaning: Meaning): readonly [string, Word] => [
  normalised(spelled),
  { meaning, spelled },
];

/** Codes, types and reasons of errors. */
export const commonWords = table(
  [
    meanings.rejected,
    'content_policy_violation content_filter content_filtered content_filter_error ' +
      'content_moderation content_moderation_failed content_moderated moderation moderated ' +
      'moderation_blocked moderation_error moderation_failed input_moderated prompt_blocked ' +
      'responsible_ai_policy_violation data_inspection_failed safety safety_error ' +
      'safety_violation policy_violation prohibited_content sensitive_content nsfw ' +
      'nsfw_content nsfw_content_detected request_moderated flagged unsafe_content ' +
      'content_policy_violation_error usage_policy_violation cyber_policy_violation ' +
      'sensitive_content_detected input_text_sensitive_content_detected ' +
      'input_image_sensitive_content_detected input_video_sensitive_content_detected ' +
      'input_audio_sensitive_content_detected output_text_sensitive_content_detected ' +
      'output_image_sensitive_content_detected output_video_sensitive_content_detected ' +
      'input_text_risk_detection input_image_risk_detection hooks_failed',
  ],
  [
    meanings.tooLong,
    'context_length_exceeded context_window_exceeded context_window_exceeded_error ' +
      'exceed_context_size_error string_above_max_length max_context_length_exceeded ' +
      'token_limit_exceeded tokens_limit_reached input_too_long prompt_too_long ' +
      'request_too_large payload_too_large request_entity_too_large array_above_max_length ' +
      'too_many_tokens',
  ],
  [
    meanings.wrongFormat,
    'invalid_image invalid_image_format image_parse_error invalid_image_type ' +
      'unsupported_image_media_type unsupported_image_format unsupported_file_type ' +
      'unsupported_file_format invalid_file_format invalid_audio_format image_load_error ' +
      'empty_image_file invalid_base64_image file_type_not_supported',
  ],
  [
    meanings.account,
    'insufficient_quota insufficient_balance insufficient_credit insufficient_credits ' +
      'credits_exhausted billing_hard_limit_reached billing_not_active billing_error ' +
      'billing_disabled payment_required arrearage invalid_api_key api_key_invalid ' +
      'api_key_expired api_key_not_found incorrect_api_key missing_api_key invalid_apikey ' +
      'invalid_authentication authentication_error authentication_required unauthorized ' +
      'unauthenticated permission_error permission_denied access_denied access_terminated ' +
      'account_deactivated account_suspended consumer_suspended service_disabled ' +
      'account_overdue_error exceeded_current_quota_error budget_exceeded credit_exhausted ' +
      'usage_limit_exceeded spend_limit_exceeded spending_limit_reached expired_key ' +
      'unsupported_country_region_territory failed_precondition ' +
      'invalid_organization user_location_not_supported token_expired',
  ],
  [
    meanings.refused,
    'model_not_found model_not_available model_decommissioned no_such_model unknown_model ' +
      'invalid_model unsupported_model model_not_supported deployment_not_found ' +
      'operation_not_supported unknown_url unsupported_parameter unknown_parameter ' +
      'unsupported_value unrecognized_argument extra_forbidden missing_required_parameter ' +
      'value_error_missing missing invalid_url method_not_allowed not_acceptable ' +
      'unsupported_media_type unsupported_content_type model_terms_required invalid_image_url',
  ],
  [meanings.mismatched, 'idempotency_key_reused idempotency_mismatch'],
  [
    meanings.throttled,
    'rate_limit_exceeded rate_limit_error rate_limited rate_limit too_many_requests ' +
      'resource_exhausted throttling throttling_exception throttling_rate_quota requests tokens ' +
      'concurrency_limit_exceeded limit_requests limit_burst_rate quota_exceeded',
  ],
  [
    meanings.overloaded,
    'engine_overloaded engine_overloaded_error overloaded overloaded_error server_overloaded ' +
      'model_overloaded model_too_busy server_busy capacity_exceeded',
  ],
  [
    meanings.broken,
    'json_validate_failed tool_use_failed output_parse_failed incomplete_generation ' +
      'model_error_exception model_stream_error_exception',
  ],
  [
    'unknown',
    'timeout timeout_error deadline_exceeded gateway_timeout upstream_timeout request_timeout ' +
      'inference_timeout model_timeout server_timeout stream_timeout read_timeout ' +
      'function_invocation_timeout etimedout esockettimedout',
  ],
  // MiniMax says 200 and a number of its own.
  [meanings.throttled, 'status_code_1002 status_code_1041'],
  [meanings.account, 'status_code_1004 status_code_1008 status_code_2049'],
  [meanings.rejected, 'status_code_1026 status_code_1027'],
  [meanings.tooLong, 'status_code_1039'],
  ['unknown', 'status_code_1001'],
  // Zhipu has numbers of its own as codes.
  [meanings.account, 'code_1000 code_1001 code_1002 code_1003 code_1004 code_1113'],
  [meanings.rejected, 'code_1301'],
  [meanings.tooLong, 'code_1261'],
  [meanings.throttled, 'code_1302 code_1303 code_1305'],
);

/** They change nothing, and tell an operator what kind of refusal it was. */
export const shownWords: ReadonlyMap<string, string> = new Map(
  (
    'invalid_request_error invalid_request invalid_argument bad_request bad_request_error ' +
    'unprocessable_entity not_found not_found_error invalid_parameter invalid_parameter_error ' +
    'validation_error value_error server_error internal_server_error internal_error api_error ' +
    'internal service_unavailable unavailable unavailable_error idempotency_error ' +
    'invalid_size invalid_value invalid_type unknown_error forbidden conflict'
  )
    .split(' ')
    .map((spelled) => [normalised(spelled), spelled]),
);

interface Phrase {
  /** Statuses that allow it; a refusal inside a 2xx allows all. */
  readonly on: readonly number[];
  readonly is: RegExp;
  readonly means: Meaning;
}

const anyOf = (...parts: readonly string[]): RegExp => new RegExp(parts.join('|'));

/** Whether a request is too large by itself, though it is told like a limit on many. */
export function isTooLargeByItself(text: string): boolean {
  if (TOO_LARGE.test(text)) return true;
  const [, limit = '', asked = ''] = LIMIT_AND_ASKED.exec(text) ?? [];
  return numberIn(limit) > 0 && numberIn(asked) > numberIn(limit);
}

const TOO_LARGE = anyOf('request (is )?too large', 'too large for .{0,80}(limit|tpm)');
/** A limit of 0 is none of a request: our account has no part in that model. */
const LIMIT_AND_ASKED = /\blimit:? ([\d,]{1,15})\b.{0,40}\brequested:? ([\d,]{1,15})/;

const numberIn = (digits: string): number => Number(digits.replaceAll(',', ''));

/**
 * Our account has nothing left, though it is told by a word for many requests: Google, xAI and
 * others say 429 and `RESOURCE_EXHAUSTED` for both.
 */
export const isOutOfCredit = (text: string): boolean => OUT_OF_CREDIT.test(text);

const OUT_OF_CREDIT = anyOf(
  'credits? (balance )?(is |are |has been |have been )?(depleted|exhausted|used up|too low)',
  '(used|consumed) (up )?all (of )?(your )?(available |free |remaining )?credits',
  '(reached|hit|exceeded|over) (its|your|the|a) .{0,40}(spend(ing)?|usage|budget) (limit|cap)' +
    's?(?!.{0,30}per (second|minute|hour))',
  'spend(ing)? (limit|cap) (has been |was |is )?(reached|exceeded|hit)',
  'budget (has been |was |is )?exceeded',
  'purchase more credits',
);

/** Sentences, for where no word says more, tried in this order. */
export const phrases: readonly Phrase[] = [
  {
    on: [400, 403, 422, 451],
    is: anyOf(
      'content.{0,20}(policy|policies|filter|moderat)',
      'safety (system|filter|polic)',
      '\\bflagged\\b',
      'moderat(ion|ed)',
      '(violat\\w+|against) .{0,40}(polic|guideline|terms of)',
      '(inappropriate|sensitive|prohibited|unsafe|nsfw) (content|material)',
      '\\bnsfw\\b',
    ),
    means: meanings.rejected,
  },
  {
    on: [400, 401, 402, 403, 404, 412, 422, 429, 500],
    is: anyOf(
      '(incorrect|invalid|missing|no|expired|revoked|wrong|bad|(a|an|your) valid) ' +
        '(api[ _-]?key|x-api-key|access token|auth\\w* (key|token|header|credentials))',
      'api[ _-]?key (provided )?(is |was |has |has been )?(not |in)?' +
        '(valid|correct|found|missing|expired|revoked|disabled|required)',
      'credit balance',
      '(insufficient|not enough|no|exhausted|out of) (your )?(account )?(balance|credit|funds)',
      'exceeded your current quota',
      '(account|user|organization|project|team)( \\S{1,64})? (is |has been |was )?' +
        '(currently )?(suspended|deactivated|disabled|locked|overdue)',
      '(country|location|region).{0,20} not supported',
      '\\bbilling\\b',
    ),
    means: meanings.account,
  },
  {
    on: [400, 413, 422, 429, 500, 502, 503],
    is: anyOf(
      'maximum context',
      'context[ _]?(length|window|size)',
      '(prompt|input|request) is too long',
      'longer than the (model|maximum)',
      '(inputs?|prompt)`? tokens \\+ `?max_(new_)?tokens',
      'too many (input )?tokens',
      'reduce the length',
      'exceeds? (the )?.{0,40}(token|context)',
      'must have less than \\d+ tokens',
    ),
    means: meanings.tooLong,
  },
  {
    on: [400, 415, 422],
    is: anyOf(
      '(image|audio|file|media|video).{0,40}(format|type).{0,40}' +
        '(not supported|unsupported|not allowed|invalid)',
      'unsupported (image|audio|file|video)',
      '(invalid|corrupt\\w*|unsupported) (image|audio|file|video) (format|type|data|file)',
      '(could not|cannot|failed to|unable to) (process|decode|read|identify|open) .{0,20}' +
        '(image|audio|file|video)',
    ),
    means: meanings.wrongFormat,
  },
  {
    // A gateway stopped waiting. Where a connection was not made in time, nothing was sent.
    on: [500, 502, 503],
    is: anyOf(
      '^(?![^]*\\b(connect|dial))[^]*(timed[ -]?out|timing out|' +
        '(upstream|gateway|request|response|inference|generation) time-?out|' +
        'time-?out (awaiting|waiting|while)|deadline (was |has been )?(exceeded|expired))',
    ),
    means: 'unknown',
  },
  {
    // It could not fetch what we named, as long as it was there.
    on: [400, 403, 422, 424],
    is: anyOf(
      '(time-?out|timed out|fail(ed|ure)|error|unable|could not|cannot)( occurred)?,? ' +
        '(to |while |when |in )?(download|fetch|retriev)\\w* .{0,60}' +
        '(url|image|file|media|audio|video|https?:)',
      '(fetching|downloading) (the |an? )?(image|file|media|audio|video|url).{0,20} failed',
    ),
    means: meanings.refused,
  },
  {
    on: [400, 404, 422],
    is: anyOf(
      '(model|deployment)\\b.{0,80}(not found|not exist|not available|unavailable|' +
        'not supported|unsupported|decommissioned|deprecated|no longer)',
      '(no such|unknown|unsupported|invalid) model',
      'no endpoints found',
      'not a valid model',
      '(unrecognized|unknown|unsupported|unexpected|extra) (request )?' +
        '(argument|parameter|field|keyword argument|property|input)',
      '(is|are|does) not (supported|support|permitted|recognized|allowed)\\b',
      'field required',
      'is a required property',
      'unknown name \\W',
      'cannot find field',
      'does not support parameters',
      '(failed|unable|could not) to (parse|deserialize)',
    ),
    means: meanings.refused,
  },
];

const statuses: ReadonlyMap<number, Meaning> = new Map<number, Meaning>([
  ...[401, 402, 403, 407, 451].map((status) => [status, meanings.account] as const),
  [413, meanings.tooLong],
  [409, meanings.inUse],
  // A model behind the API failed.
  [424, meanings.broken],
  [425, meanings.unavailable],
  [429, meanings.throttled],
  [498, meanings.throttled],
  ...[502, 503, 507, 509, 521, 523, 525, 526, 530].map(
    (status) => [status, meanings.unavailable] as const,
  ),
  [529, meanings.overloaded],
  ...[408, 460, 499, 504].map((status) => [status, 'unknown'] as const),
  ...[520, 522, 524, 527, 561, 598, 599].map((status) => [status, 'unknown'] as const),
]);

/** A status outside the table is read by its class. */
export function byStatus(status: number): Meaning {
  const known = statuses.get(status);
  if (known) return known;
  if (status >= 500) return meanings.broken;
  return status >= 400 ? meanings.refused : meanings.unavailable;
}
