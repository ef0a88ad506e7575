/** The operator sets a continuous export of a feed, or of all feeds. */
import {
  exportDefaults,
  exportSchema,
  EXPORTS_MAX,
  setExportSchema,
  TOPIC_EVENTS_MAX,
  type BucketBody,
  type SetExportBody,
  type TopicBody,
} from '../../contracts/http/exports.js';
import { Refusal, type ApiRequest, type Reply, type Route } from '../../http/server/route.js';
import type { SinkPlace } from '../../infra/export-sinks/open-sink.js';
import type { ExportSettings, SetOutcome } from '../../infra/exports/port.js';
import { exportBody } from '../../infra/exports/view.js';
import type { Commands } from '../command-infra.js';
import { recordOperation } from './record-operation.js';

type Given = Pick<Commands, 'exports' | 'now' | 'organizations' | 'store'>;

const NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;

export const putExports = (commands: Given): Route => ({
  method: 'PUT',
  path: '/exports/{name}',
  summary: 'Set a continuous export',
  description:
    'Events go to its folder, bucket or topic within about `delay_seconds`, those of before ' +
    'first. Of an export that is there, only the variables of its keys, `tls`, `sasl`, ' +
    '`events_max` and `delay_seconds` can be changed: what it has written would not fit to ' +
    'anything else. Two exports cannot share a place. Keys and passwords are named by variables ' +
    'of the processors, never given. One that an import brought goes on from here.',
  tag: 'Exports',
  audience: 'operator',
  bodySchema: setExportSchema,
  replySchemas: { 200: exportSchema },
  refusals: ['NOT_FOUND', 'CONFLICT'],
  handle: (request) => handle(commands, request),
});

async function handle(commands: Given, request: ApiRequest): Promise<Reply | Refusal> {
  const { name = '' } = request.params;
  if (!NAME.test(name)) return new Refusal('NOT_FOUND');
  const body = request.body as SetExportBody;
  const wrong = wrongIn(body);
  if (wrong) return wrong;
  const { organization_id: organizationId } = body;
  if (organizationId !== undefined) {
    const { state } = await commands.organizations.load(organizationId);
    if (state.status !== 'created')
      return invalid('organization_id', 'unknown', 'is no organization of this system');
  }
  await recordOperation(commands, request, 'set_export', name);
  const outcome = await commands.exports.set(settingsOf(name, body));
  if (outcome !== 'set') return new Refusal('CONFLICT', sentences[outcome]);
  const stored = (await commands.exports.list()).find((one) => one.name === name);
  if (!stored) return new Refusal('CONFLICT', 'It was removed meanwhile.');
  return { status: 200, body: exportBody(stored, undefined) };
}

const sentences: Record<Exclude<SetOutcome, 'set'>, string> = {
  taken:
    'An export of that name has another feed, format, place or beginning, or another export has ' +
    'that place: remove it first, or take another name and place.',
  full: `There are ${EXPORTS_MAX} exports, which is as many as there can be.`,
};

function settingsOf(name: string, body: SetExportBody): ExportSettings {
  const defaults = body.kafka ? exportDefaults.topic : exportDefaults.files;
  return {
    name,
    organizationId: body.organization_id,
    format: body.format,
    sink: placeIn(name, body),
    hasOperators: body.operator_columns ?? false,
    from: BigInt(body.from ?? '0'),
    eventsMax: body.events_max ?? defaults.eventsMax,
    delaySeconds: body.delay_seconds ?? defaults.delaySeconds,
  };
}

function placeIn(name: string, { folder, s3, kafka }: SetExportBody): SinkPlace {
  if (kafka) return { kafka };
  return s3 ? { s3 } : { folder: folder ?? name };
}

function wrongIn(body: SetExportBody): Refusal | undefined {
  const { folder, s3, kafka, organization_id: organizationId } = body;
  if ([folder, s3, kafka].filter((place) => place !== undefined).length !== 1)
    return invalid('folder', 'one_of', 'or s3 or kafka must be there, and not two of them');
  if (body.operator_columns && organizationId !== undefined)
    return invalid('operator_columns', 'not_allowed', 'are never in the export of an organization');
  if ((body.format === 'cloudevents') !== (kafka !== undefined))
    return invalid('format', 'enum', 'is cloudevents of a topic, and of nothing else');
  if (!isPath(folder)) return invalid('folder', 'pattern', 'must be names with / between them');
  return s3 ? wrongBucket(s3) : kafka && wrongTopic(kafka, body.events_max);
}

function wrongBucket(s3: BucketBody): Refusal | undefined {
  if (!isPath(s3.prefix))
    return invalid('s3.prefix', 'pattern', 'must be names with / between them');
  const { access_key_env: accessKey, secret_key_env: secretKey } = s3;
  if ((accessKey === undefined) === (secretKey === undefined)) return undefined;
  return invalid('s3', 'both', 'has one of access_key_env and secret_key_env: name both, or none');
}

function wrongTopic(kafka: TopicBody, eventsMax = 1): Refusal | undefined {
  const { sasl, tls = true, username_env: user, password_env: password } = kafka;
  if (eventsMax > TOPIC_EVENTS_MAX)
    return invalid('events_max', 'maximum', `must be at most ${TOPIC_EVENTS_MAX} of a topic`);
  const named = [sasl, user, password].filter((one) => one !== undefined).length;
  if (named === 1 || named === 2)
    return invalid('kafka', 'all', 'needs sasl, username_env and password_env together, or none');
  if (sasl !== 'plain' || tls) return undefined;
  return invalid('kafka.sasl', 'not_allowed', 'plain would send the password unencrypted: use tls');
}

/** Nothing that a file system or a store would take for another place. */
const isPath = (path = 'one'): boolean =>
  path.split('/').every((name) => name !== '' && !name.startsWith('.'));

const invalid = (field: string, code: string, message: string): Refusal =>
  new Refusal('INPUT_VALIDATION_ERROR', 'The body is not valid.', [{ field, code, message }]);
