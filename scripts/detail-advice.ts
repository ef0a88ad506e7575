/** What each code of a detail means: docs/build/errors.md has them in one list. */
import { errorCatalogue, type ErrorCode } from '../contracts/error-codes.js';

/** The errors that it comes with, and what it says. */
type Meaning = readonly [with_: ErrorCode | readonly ErrorCode[], says: string];

interface Group {
  readonly title: string;
  readonly codes: Readonly<Record<string, Meaning>>;
}

const wrong = (says: string): Meaning => ['INPUT_VALIDATION_ERROR', says];
const poor = (says: string): Meaning => ['INSUFFICIENT_BALANCE', says];
const soon = (says: string): Meaning => ['RATE_LIMITED', says];
const rejected = (says: string): Meaning => ['CONTENT_MODERATION_REJECTED', says];

export const detailGroups: readonly Group[] = [
  {
    title:
      'A field breaks its schema: the keyword of JSON Schema in snake case; others are possible',
    codes: {
      required: wrong('is not there'),
      additional_properties: wrong('is not a field of it'),
      unevaluated_properties: wrong('is not a field of it'),
      property_names: wrong('has a name that is not allowed'),
      type: wrong('is of another type'),
      enum: wrong('is none of the allowed values'),
      const: wrong('is not the one allowed value'),
      minimum: wrong('is too small, or too early'),
      maximum: wrong('is too large, or too late'),
      exclusive_minimum: wrong('is too small'),
      exclusive_maximum: wrong('is too large'),
      multiple_of: wrong('is no multiple of the step'),
      min_length: wrong('is too short'),
      max_length: wrong('is too long'),
      min_items: wrong('has too few items'),
      max_items: wrong('has too many items'),
      min_properties: wrong('has too few fields'),
      max_properties: wrong('has too many fields'),
      unique_items: wrong('has an item twice'),
      pattern: wrong('has another form'),
      format: wrong('has another form, of which there is a name (`file-id`, `date-time`)'),
      any_of: wrong('fits none of the alternatives'),
      one_of: wrong('fits none of the alternatives, or several'),
    },
  },
  {
    title: 'The body is not acceptable JSON; the field is `body`, or the item of a batch',
    codes: {
      syntax: wrong('is no JSON'),
      empty: wrong('has no bytes'),
      byte_order_mark: wrong('begins with a byte order mark'),
      too_deep: wrong('is nested too deep'),
      too_many_keys: wrong('has too many keys'),
      too_many_values: wrong('has too many values'),
      duplicate_key: wrong('has a key twice'),
      forbidden_key: wrong('has the key `__proto__`'),
      nul_character: wrong('has a NUL character'),
      lone_surrogate: wrong('has half of a surrogate pair'),
      number_overflow: wrong('has a number that is too large'),
      unsafe_integer: wrong('has an integer beyond 2⁵³'),
    },
  },
  {
    title: 'A parameter, a header or a field cannot be meant so',
    codes: {
      malformed: wrong('is not well-formed'),
      repeated: wrong('is there more than once'),
      unsupported: wrong('is not supported here, or by no provider that may run it'),
      mismatch: wrong('contradicts another place where it stands'),
      reserved: wrong('is a header that the system sets'),
      refused: wrong('is an address that is not called'),
      past: wrong('does not lie in the future'),
      unknown_cursor: wrong('is no cursor of this list: begin again without one'),
      unknown_type: wrong('is no type of event'),
      too_much: wrong('would add up too much: ask for a shorter range'),
      in_the_future: wrong('is later than now'),
      beyond_the_feed: wrong('is behind the last event of the feed'),
      unknown_model: wrong('is not in the catalogue'),
      same_model: wrong('is `model` itself'),
      other_modality: wrong('is of another modality than `model`'),
      conflict: wrong('shares nothing with what key or organization require'),
      schema: wrong('is a schema for the answer that cannot be used'),
      raw_url_not_allowed: wrong('is a URL where a file id belongs'),
      too_long: wrong('is longer than the model, or the field, can take'),
      invalid: wrong('is not taken by the model'),
      file_not_found: ['FILE_NOT_FOUND', 'names no file of yours'],
      format_unsupported: ['FILE_FORMAT_UNSUPPORTED', 'is a file that the model does not take'],
      file_format_unsupported: ['FILE_FORMAT_UNSUPPORTED', 'is a file of another kind'],
    },
  },
  {
    title: 'Something is not allowed, or not there any more',
    codes: {
      ip_not_allowed: ['FORBIDDEN', 'the key may not be used from this address'],
      model_not_allowed: ['FORBIDDEN', 'the key may not use this model'],
      beyond_own: ['FORBIDDEN', 'grants more than the key that asks has'],
      input_erased: ['CONFLICT', 'the input is not stored any more'],
      output_erased: ['NOT_FOUND', 'the output is not stored any more'],
    },
  },
  {
    title: 'A limit',
    codes: {
      daily_limit: poor('a spending guard; `scope` says whose'),
      monthly_limit: poor('a spending guard; `scope` says whose'),
      max_cost_per_execution: poor('a spending guard; `scope` says whose'),
      max_in_flight: poor('a spending guard; `scope` says whose'),
      per_minute: poor('a spending guard; `scope` says whose'),
      storage_quota: poor('no room in the storage of the organization'),
      key_rate_limit: soon('requests of the key'),
      organization_rate_limit: soon('requests of the organization'),
      waiting_executions: soon('executions that are not over'),
      open_streams: soon('streams and waiting reads'),
      exports: soon('audit exports under way'),
    },
  },
  {
    title: 'What moderation found',
    codes: {
      sexual: rejected('sexual content'),
      hate: rejected('hate'),
      violence: rejected('violence'),
      self_harm: rejected('self-harm'),
      illicit: rejected('illicit acts'),
      privacy: rejected('privacy'),
      other: rejected('something else, or what is not told'),
    },
  },
  {
    title: 'To operators only',
    codes: {
      unknown: wrong('is not in the catalogue, or not there'),
      zero: wrong('must not be zero'),
      not_allowed: wrong('is not allowed together with the rest'),
      both: wrong('needs both of two fields, or none'),
      all: wrong('needs all of several fields, or none'),
      beyond_the_log: wrong('is behind the last event of the log'),
      executions_not_over: ['CONFLICT', 'executions of the organization are not over'],
    },
  },
];

export function detailTable(): string {
  const rows = detailGroups.flatMap(({ title, codes }) => [
    `| **${title}** | | |`,
    ...Object.entries(codes).map(([code, [errors, says]]) => {
      const named = [errors].flat().map((e) => `${errorCatalogue[e].status} \`${e}\``);
      return `| \`${code}\` | ${named.join(', ')} | ${says} |`;
    }),
  ]);
  return ['| `details[].code` | with | says |', '|---|---|---|', ...rows].join('\n');
}
