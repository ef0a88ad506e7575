/** The operator's bodies about continuous exports of feeds. */
import type { OrganizationId } from '../ids.js';
import {
  answerObject,
  id,
  listOf,
  orNull,
  requestObject,
  text,
  timestamp,
  withExample,
  type Schema,
} from './parts.js';

const FILE_FORMATS = ['parquet', 'ndjson.gz'] as const;
export type FileFormat = (typeof FILE_FORMATS)[number];
export type ExportFormat = FileFormat | 'cloudevents';

export const EXPORTS_MAX = 200;

/** When a plan is made, unless the operator says: so many events, or so old a one. */
export const exportDefaults = {
  files: { eventsMax: 10_000, delaySeconds: 300 },
  topic: { eventsMax: 1_000, delaySeconds: 1 },
};
/** A transaction of Kafka is bounded. */
export const TOPIC_EVENTS_MAX = 10_000;

const SASL_MECHANISMS = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;

export interface TopicBody {
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly tls?: boolean;
  readonly sasl?: (typeof SASL_MECHANISMS)[number];
  readonly username_env?: string;
  readonly password_env?: string;
}

export interface BucketBody {
  readonly endpoint?: string;
  readonly bucket: string;
  readonly region?: string;
  readonly prefix?: string;
  readonly access_key_env?: string;
  readonly secret_key_env?: string;
  readonly session_token_env?: string;
}

export interface SetExportBody {
  readonly organization_id?: OrganizationId;
  readonly format: ExportFormat;
  readonly folder?: string;
  readonly s3?: BucketBody;
  readonly kafka?: TopicBody;
  readonly operator_columns?: boolean;
  readonly from?: string;
  readonly events_max?: number;
  readonly delay_seconds?: number;
}

/** What is between the slashes is not empty and begins with no dot; that is looked at apart. */
const PATH = '^[A-Za-z0-9_=-][A-Za-z0-9._=/-]{0,255}$';

const path = (description: string, example: string): Schema => ({
  ...text(description, 256),
  pattern: PATH,
  examples: [example],
});

const variable = (description: string, example: string): Schema => ({
  ...text(description, 120),
  pattern: '^MODELROUTE_EXPORT_[A-Z0-9_]{1,100}$',
  examples: [example],
});

const bucketFields: Record<string, Schema> = {
  'endpoint?': {
    ...text("Where the store answers; Amazon's of the region unless said.", 300),
    pattern: '^https?://[A-Za-z0-9.:\\[\\]-]{1,250}/?$',
    examples: ['https://s3.eu-central-1.amazonaws.com'],
  },
  bucket: {
    ...text('The bucket. It is not made.', 63),
    pattern: '^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$',
    examples: ['acme-events'],
  },
  'region?': {
    ...text('Its region.', 50),
    pattern: '^[a-z0-9-]{1,50}$',
    default: 'us-east-1',
    examples: ['eu-central-1'],
  },
  'prefix?': path('What the names of all objects begin with.', 'modelroute'),
  'access_key_env?': variable(
    'Variable of the processors that has the access key; without it they use those of the AWS SDK.',
    'MODELROUTE_EXPORT_ACME_KEY',
  ),
  'secret_key_env?': variable('Variable that has the secret key.', 'MODELROUTE_EXPORT_ACME_SECRET'),
  'session_token_env?': variable(
    'Variable that has the session token, of keys that were lent.',
    'MODELROUTE_EXPORT_ACME_TOKEN',
  ),
};

const topicFields: Record<string, Schema> = {
  brokers: {
    type: 'array',
    description: 'Some of its brokers; the others are learned from them.',
    minItems: 1,
    maxItems: 20,
    uniqueItems: true,
    items: { type: 'string', maxLength: 260, pattern: '^[A-Za-z0-9.-]{1,250}:[0-9]{1,5}$' },
    examples: [['kafka-1.example.com:9093']],
  },
  topic: {
    ...text('The topic. It is not made.', 249),
    pattern: '^[A-Za-z0-9_-][A-Za-z0-9._-]{0,248}$',
    examples: ['acme.events'],
  },
  'tls?': { type: 'boolean', default: true, description: 'Whether connections are encrypted.' },
  'sasl?': {
    type: 'string',
    enum: SASL_MECHANISMS,
    description: 'How a password is given; nobody signs in without it. `plain` needs `tls`.',
  },
  'username_env?': variable(
    'Variable of the processors that has the name of the user.',
    'MODELROUTE_EXPORT_ACME_USER',
  ),
  'password_env?': variable('Variable that has the password.', 'MODELROUTE_EXPORT_ACME_PASSWORD'),
};

const format: Schema = {
  type: 'string',
  enum: [...FILE_FORMATS, 'cloudevents'],
  description: 'What the files are; `cloudevents` of a topic, whose records are CloudEvents.',
};

const operatorColumns: Schema = {
  type: 'boolean',
  default: false,
  description:
    'With what only operators know: catalogue version, provider, its account, route, region and ' +
    'provider cost. Only of the feeds of all organizations.',
};

const number = (description: string, example: string): Schema => ({
  ...text(description, 18),
  pattern: '^[0-9]{1,18}$',
  examples: [example],
});

const eventsMax: Schema = {
  type: 'integer',
  minimum: 1,
  maximum: 100_000,
  description:
    'Events are written when there are so many: 10,000 unless said; of a topic 1,000, and 10,000 ' +
    'at most;',
};

const delaySeconds: Schema = {
  type: 'integer',
  minimum: 1,
  maximum: 86_400,
  description: 'or when the oldest of them is so old: 300 unless said, of a topic 1.',
};

export const setExportSchema: Schema = {
  ...requestObject('SetExport', {
    'organization_id?': id('org', 'Whose feed it is; those of all organizations unless said.'),
    format,
    'folder?': path('A folder below `exports` in the data folder, or `s3`, or `kafka`.', 'acme'),
    's3?': requestObject('ExportBucket', bucketFields),
    'kafka?': requestObject('ExportTopic', topicFields),
    'operator_columns?': operatorColumns,
    'from?': {
      ...number(
        'The first event: its number in the feed; of all organizations a position of the log.',
        '0',
      ),
      default: '0',
    },
    'events_max?': eventsMax,
    'delay_seconds?': delaySeconds,
  }),
  examples: [
    {
      organization_id: 'org_7b0a6c1e-52d4-5c0f-9d6a-3e1f0b9c2a44',
      format: 'parquet',
      s3: {
        bucket: 'acme-events',
        region: 'eu-central-1',
        access_key_env: 'MODELROUTE_EXPORT_ACME_KEY',
        secret_key_env: 'MODELROUTE_EXPORT_ACME_SECRET',
      },
    },
  ],
};

const count = (description: string): Schema => ({ type: 'integer', minimum: 0, description });

export const exportSchema: Schema = answerObject('Export', {
  name: withExample(text('Its name.'), 'acme'),
  organization_id: orNull(id('org', 'Whose feed it is; null: those of all organizations.')),
  format,
  folder: orNull(withExample(text('The folder below `exports` in the data folder.'), 'acme')),
  s3: orNull(answerObject('ExportBucketSet', bucketFields)),
  kafka: orNull(answerObject('ExportTopicSet', topicFields)),
  operator_columns: operatorColumns,
  from: number('Where it begins.', '0'),
  events_max: eventsMax,
  delay_seconds: delaySeconds,
  created_at: timestamp('When it was set first.'),
  state: {
    type: 'string',
    enum: ['paused', 'beginning', 'current', 'behind', 'failing'],
    description:
      'Paused: it came with an import, and goes on when it is set again. Beginning: nothing was ' +
      'looked at yet. Current: what is old enough is written. Behind: events are due. Failing: ' +
      'the sink, or something else, does not work; see `error`.',
  },
  exported_to: orNull(
    number('Number of the last event that is written: in the feed, or among all feeds.', '48213'),
  ),
  lag_events: count('Events that are not written yet.'),
  lag_seconds: { type: 'number', minimum: 0, description: 'Age of the oldest of them.' },
  events: count('Events that it wrote.'),
  files: count('Its files; 0 of a topic.'),
  last_file: orNull(text('Name of the last one.')),
  exported_at: orNull(timestamp('When it last wrote.')),
  error: orNull(text('Why it does not go on.')),
  retry_at: orNull(timestamp('When it is tried again.')),
});

export const exportsSchema = listOf('Exports', exportSchema);
