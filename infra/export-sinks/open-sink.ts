/** The sink of an export, as an operator has set it. */
import { join } from 'node:path';
import type { BucketBody, ExportFormat, TopicBody } from '../../contracts/http/exports.js';
import type { Config, S3Config } from '../config/config.js';
import type { TopicWriterOptions } from '../event-bus/kafka/transactions.js';
import type { Log } from '../logger.js';
import { StartError } from '../start-error.js';
import type { FileStore } from './file-store.js';
import { filesSink } from './files.js';
import { openFolderStore } from './folder.js';
import type { ExportSink } from './port.js';

/** One of the three. */
export interface SinkPlace {
  /** Below `exports` in the data folder. */
  readonly folder?: string;
  readonly s3?: BucketBody;
  readonly kafka?: TopicBody;
}

/** Of an export, what its sink needs. */
export interface SinkSettings {
  readonly id: string;
  readonly format: ExportFormat;
  readonly sink: SinkPlace;
  readonly hasOperators: boolean;
}

const REGION_DEFAULT = 'us-east-1';

/** Two exports with the same place would write over one another. */
export function placeOf({ folder, s3, kafka }: SinkPlace): string {
  if (kafka) return `kafka ${[...kafka.brokers].sort().join(',')} ${kafka.topic}`;
  return s3 ? `${endpointOf(s3)} ${s3.bucket} ${s3.prefix ?? ''}` : `folder ${folder ?? ''}`;
}

interface SinkConfig extends Pick<Config, 'credential' | 'dataDir'> {
  readonly log: Log;
}

/**
 * Throws `StartError` where a variable is missing. The clients of S3 and Kafka are loaded where
 * they are used.
 */
export async function openSink(
  config: SinkConfig,
  { id, format, sink, hasOperators }: SinkSettings,
): Promise<ExportSink> {
  const { kafka } = sink;
  if (kafka) {
    const options = writerOptions(config, kafka, id);
    const [{ openKafkaSink }, { openTopicWriter }] = await Promise.all([
      import('./kafka.js'),
      import('../event-bus/kafka/transactions.js'),
    ]);
    return openKafkaSink(() => openTopicWriter(options));
  }
  if (format === 'cloudevents') throw new Error('only topics have events one by one');
  return filesSink(await fileStore(config, sink), { format, hasOperators });
}

async function fileStore(config: SinkConfig, { folder, s3 }: SinkPlace): Promise<FileStore> {
  if (!s3) return openFolderStore(join(config.dataDir, 'exports', folder ?? ''));
  const { openS3Store } = await import('./s3.js');
  return openS3Store(bucketOf(config, s3), s3.prefix ?? '');
}

/** Operators grant rights by this beginning of the names. */
const WRITER = 'modelroute-export-';

function writerOptions(config: SinkConfig, body: TopicBody, id: string): TopicWriterOptions {
  const { brokers, topic, tls = true, sasl, username_env: user, password_env: password } = body;
  return {
    brokers,
    topic,
    name: `${WRITER}${id}`,
    clientId: 'modelroute-export',
    log: config.log,
    tls,
    ...(sasl !== undefined &&
      user !== undefined &&
      password !== undefined && {
        sasl: {
          mechanism: sasl,
          username: variable(config, user),
          password: variable(config, password),
        },
      }),
  };
}

function bucketOf(config: Pick<Config, 'credential'>, s3: BucketBody): S3Config {
  const { access_key_env: accessKey, secret_key_env: secretKey } = s3;
  const token = s3.session_token_env;
  return {
    endpoint: endpointOf(s3),
    bucket: s3.bucket,
    region: regionOf(s3),
    publicEndpoint: undefined,
    credentials:
      accessKey !== undefined && secretKey !== undefined
        ? {
            accessKeyId: variable(config, accessKey),
            secretAccessKey: variable(config, secretKey),
            ...(token !== undefined && { sessionToken: variable(config, token) }),
          }
        : undefined,
  };
}

function variable({ credential }: Pick<Config, 'credential'>, name: string): string {
  const value = credential(name);
  if (value !== undefined) return value;
  throw new StartError(`the variable ${name} is not set in this process`);
}

const regionOf = ({ region }: BucketBody): string => region ?? REGION_DEFAULT;

const endpointOf = (s3: BucketBody): string =>
  (s3.endpoint ?? `https://s3.${regionOf(s3)}.amazonaws.com`).replace(/\/$/, '');
