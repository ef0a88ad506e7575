/** The operator sets a continuous export of a feed, or of all feeds. */
import {
  EXPORTS_MAX,
  EXPORT_DELAY_DEFAULT_SECONDS,
  EXPORT_EVENTS_DEFAULT,
  exportSchema,
  setExportSchema,
  type SetExportBody,
} from '../../contracts/http/exports.js';
import { Refusal, type ApiRequest, type Reply, type Route } from '../../http/server/route.js';
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
    'Events go to its folder or bucket within about `delay_seconds`, those of before first. Of ' +
    'an export that is there, only the variables of its keys, `events_max` and `delay_seconds` ' +
    'can be changed: what is in its files would not fit to anything else. Two exports cannot ' +
    'share a place. Keys are named by variables of the processors, never given.',
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

const settingsOf = (name: string, body: SetExportBody): ExportSettings => ({
  name,
  organizationId: body.organization_id,
  format: body.format,
  sink: body.s3 ? { s3: body.s3 } : { folder: body.folder ?? name },
  from: BigInt(body.from ?? '0'),
  eventsMax: body.events_max ?? EXPORT_EVENTS_DEFAULT,
  delaySeconds: body.delay_seconds ?? EXPORT_DELAY_DEFAULT_SECONDS,
});

function wrongIn({ folder, s3 }: SetExportBody): Refusal | undefined {
  if (!folder === !s3) return invalid('folder', 'one_of', 'or s3 must be there, and not both');
  if (!isPath(folder)) return invalid('folder', 'pattern', 'must be names with / between them');
  if (!isPath(s3?.prefix))
    return invalid('s3.prefix', 'pattern', 'must be names with / between them');
  const { access_key_env: accessKey, secret_key_env: secretKey } = s3 ?? {};
  if ((accessKey === undefined) === (secretKey === undefined)) return undefined;
  return invalid('s3', 'both', 'has one of access_key_env and secret_key_env: name both, or none');
}

/** Nothing that a file system or a store would take for another place. */
const isPath = (path = 'one'): boolean =>
  path.split('/').every((name) => name !== '' && !name.startsWith('.'));

const invalid = (field: string, code: string, message: string): Refusal =>
  new Refusal('INPUT_VALIDATION_ERROR', 'The body is not valid.', [{ field, code, message }]);
