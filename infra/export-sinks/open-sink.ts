/** The sink of an export, as an operator has set it. */
import { join } from 'node:path';
import type { BucketBody } from '../../contracts/http/exports.js';
import type { Config, S3Config } from '../config/config.js';
import { StartError } from '../start-error.js';
import { openFolderSink } from './folder.js';
import type { ExportSink } from './port.js';

/** One of the two. */
export interface SinkSettings {
  /** Below `exports` in the data folder. */
  readonly folder?: string;
  readonly s3?: BucketBody;
}

const REGION_DEFAULT = 'us-east-1';

/** Two exports with the same place would write over one another. */
export const placeOf = ({ folder, s3 }: SinkSettings): string =>
  s3 ? `${endpointOf(s3)} ${s3.bucket} ${s3.prefix ?? ''}` : `folder ${folder ?? ''}`;

/** Throws `StartError` where a variable is missing. The client of S3 is loaded where it is used. */
export async function openSink(
  config: Pick<Config, 'credential' | 'dataDir'>,
  { folder, s3 }: SinkSettings,
): Promise<ExportSink> {
  if (!s3) return openFolderSink(join(config.dataDir, 'exports', folder ?? ''));
  const { openS3Sink } = await import('./s3.js');
  return openS3Sink(bucketOf(config, s3), s3.prefix ?? '');
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
