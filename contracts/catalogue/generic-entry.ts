/**
 * A provider that is described wholly in the catalogue file (adapter `generic-json`): what is sent,
 * and where the answer has what. An *expression* is JSONata, of the part that cannot loop; a
 * *template* is any JSON in whose texts `{{ expression }}` stands for a value.
 */
import { modalities, type Modality } from '../events/execution.js';
import { closed, text, variableName, type Part } from './schema-parts.js';

export interface GenericEntry {
  readonly modality: Modality;
  readonly request: GenericRequestEntry;
  /** What carries the output: JSON, or a body that is the file or the text itself. */
  readonly answer?: 'json' | 'bytes' | 'text';
  readonly job?: GenericJobEntry;
  readonly status?: GenericStatusEntry;
  readonly output?: Readonly<Record<string, string>>;
  readonly finish_reasons?: Readonly<Record<string, string>>;
  readonly usage?: Readonly<Record<string, string>>;
  readonly errors?: GenericErrorsEntry;
}

export interface GenericRequestEntry {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly body_as?: 'json' | 'form' | 'multipart' | 'bytes';
}

interface GenericJobEntry {
  readonly id: string;
  readonly poll?: GenericRequestEntry;
  /** Where the output is fetched once the status says that it is there. */
  readonly result?: GenericRequestEntry;
  readonly cancel?: GenericRequestEntry;
  readonly cancelled?: string;
  readonly forgotten?: string;
  readonly callback?: GenericCallbackEntry;
}

export interface GenericCallbackEntry {
  readonly id?: string;
  readonly document?: string;
  readonly hmac?: {
    readonly header: string;
    readonly secret_env: string;
    readonly secret_as?: 'text' | 'base64';
    readonly algorithm?: 'sha1' | 'sha256' | 'sha512';
    readonly encoding?: 'hex' | 'base64';
    readonly prefix?: string;
    readonly signed?: string;
  };
}

export interface GenericStatusEntry {
  readonly path: string;
  readonly pending?: readonly string[];
  readonly succeeded: readonly string[];
  readonly failed?: readonly string[];
  readonly cancelled?: readonly string[];
}

export interface GenericErrorsEntry {
  readonly when?: string;
  readonly code?: string;
  readonly message?: string;
  readonly codes?: Readonly<Record<string, GenericCode>>;
  readonly messages?: Readonly<Record<string, GenericCode>>;
}

/** What a provider may be the cause of; the rest of our twelve codes are about us. */
const genericCodes = [
  'INPUT_VALIDATION_ERROR',
  'CONTENT_MODERATION_REJECTED',
  'FILE_NOT_FOUND',
  'FILE_FORMAT_UNSUPPORTED',
  'MODEL_OVERLOADED',
  'MODEL_UNAVAILABLE',
  'GENERATION_TIMEOUT',
  'GENERATION_FAILED',
] as const;

export type GenericCode = (typeof genericCodes)[number];

/** Names that `output` may have, the first of them always. */
export const genericOutputs: Readonly<Record<Modality, readonly string[]>> = {
  text: ['text', 'finish_reason', 'tool_calls'],
  image: ['images'],
  audio: ['audio'],
  transcription: ['text', 'language', 'duration_ms', 'segments'],
  embedding: ['embeddings'],
  video: ['video'],
};

const genericUsages = [
  'input_tokens',
  'cached_input_tokens',
  'output_tokens',
  'reasoning_tokens',
  'images',
  'pixels',
  'seconds',
  'characters',
] as const;

const expression = (description: string): Part => text(2000, `an expression: ${description}`);

const map = (of: Part, description: string, names: Part = {}): Part => ({
  type: 'object',
  ...(Object.keys(names).length > 0 && { propertyNames: names }),
  additionalProperties: of,
  maxProperties: 200,
  description,
});

const anyJson: Part = {
  description: 'any JSON, in whose texts {{ expression }} stands for values',
};

const request: Part = closed(
  {
    method: {
      enum: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
      description: 'an HTTP method; POST for work, GET for questions',
    },
    path: {
      type: 'string',
      pattern: '^/',
      maxLength: 2048,
      description: 'a template of the path below base_url; values are percent-encoded',
    },
    query: map(anyJson, 'templates of query parameters; one without a value is left out'),
    headers: map(text(2048, 'a template'), 'templates of headers'),
    body: anyJson,
    body_as: {
      enum: ['json', 'form', 'multipart', 'bytes'],
      description: 'how the body is written: json unless given, form, multipart or bytes',
    },
  },
  ['path'],
);

const callback: Part = closed(
  {
    id: expression('the job id in the callback, compared with the one that was accepted'),
    document: expression('where the callback has what an answer to poll has; all of it else'),
    hmac: closed(
      {
        header: text(127, 'the header with the signature, in lower case'),
        secret_env: variableName('the secret'),
        secret_as: { enum: ['text', 'base64'], description: 'text unless given, or base64' },
        algorithm: { enum: ['sha1', 'sha256', 'sha512'], description: 'sha256 unless given' },
        encoding: { enum: ['hex', 'base64'], description: 'hex unless given, or base64' },
        prefix: text(63, 'what precedes the signature in its header, such as sha256='),
        signed: text(2000, 'a template of what is signed: {{ body }} unless given'),
      },
      ['header', 'secret_env'],
    ),
  },
  [],
);

const job: Part = closed(
  {
    id: expression('the id of the job in the answer to request'),
    poll: request,
    result: request,
    cancel: request,
    cancelled: expression('true of the answer to cancel when the job stops; any success else'),
    forgotten: expression('true of an error answer to poll when the job is not known any more'),
    callback,
  },
  ['id'],
);

const words = (description: string): Part => ({
  type: 'array',
  items: text(127, 'a word'),
  maxItems: 50,
  description,
});

const status: Part = closed(
  {
    path: expression('the word for the state of the job or of the answer'),
    pending: words('words for not done yet'),
    succeeded: words('words for done'),
    failed: words('words for failed'),
    cancelled: words('words for stopped'),
  },
  ['path', 'succeeded'],
);

const code: Part = {
  enum: [...genericCodes],
  description: `one of ${genericCodes.join(', ')}`,
};

const errors: Part = closed(
  {
    when: expression('true of a 2xx answer that is an error all the same'),
    code: expression("the provider's word for what went wrong"),
    message: expression("the provider's sentence; only compared, never shown"),
    codes: map(code, 'our code by the word under `code`; a name may end in *'),
    messages: map(code, 'our code by a part of the sentence under `message`, in any case'),
  },
  [],
);

export const genericSchema: Part = {
  ...closed(
    {
      modality: { enum: [...modalities], description: `one of ${modalities.join(', ')}` },
      request,
      answer: {
        enum: ['json', 'bytes', 'text'],
        description: 'what the body of a success is: json unless given, bytes or text',
      },
      job,
      status,
      output: map(expression('where the answer has it'), 'output fields by their canonical names'),
      finish_reasons: map(
        {
          enum: ['stop', 'length', 'tool_calls', 'content_filter', 'other'],
          description: 'stop, length, tool_calls, content_filter or other',
        },
        "our word by the provider's word for why a text ended",
      ),
      usage: map(expression('how much'), `counts: ${genericUsages.join(', ')}`, {
        enum: [...genericUsages],
        description: genericUsages.join(', '),
      }),
      errors,
    },
    ['modality', 'request'],
  ),
  description: 'the description of a provider for the adapter generic-json',
};
