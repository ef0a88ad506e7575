/**
 * The files that an input names: that they are the caller's, that the models take them, and how
 * long they sound.
 */
import type { Model } from '../../contracts/catalogue/catalogue.js';
import type { ErrorCode, ErrorDetail } from '../../contracts/error-codes.js';
import type { FileId } from '../../contracts/ids.js';
import { Refusal, type Caller } from '../../http/server/route.js';
import { filesIn } from '../../providers/catalogue/file-fields.js';
import type { Commands } from '../command-infra.js';
import { ownFileState } from '../files/own-file-state.js';
import type { ModelsAsked } from './models-asked.js';

/** A file reference, and the models that have a file there. */
interface InputFile {
  readonly field: string;
  readonly id: FileId;
  readonly models: readonly Model[];
}

const NONE: readonly InputFile[] = [];
const DETAILS_MAX = 20;
/** Files that are looked up together. */
const AT_ONCE = 64;

/** Of all its models, each field once. The ids are well-formed where the input is valid. */
export function inputFiles(
  { model, fallbacks }: Pick<ModelsAsked, 'model' | 'fallbacks'>,
  input: Readonly<Record<string, unknown>>,
): readonly InputFile[] {
  const first = filesIn(model, input);
  if (first.length === 0 && fallbacks.length === 0) return NONE;
  const found = new Map<string, { field: string; id: FileId; models: Model[] }>();
  for (const one of [model, ...fallbacks])
    for (const { field, id } of filesIn(one, input)) {
      const known = found.get(field);
      if (known) known.models.push(one);
      else found.set(field, { field, id: id as FileId, models: [one] });
    }
  return [...found.values()];
}

/** How many seconds they have together, as far as their bytes say it; or why one is refused. */
export async function secondsOfFiles(
  commands: Pick<Commands, 'fileRecords'>,
  caller: Caller,
  files: readonly InputFile[],
): Promise<Refusal | number> {
  let durationMs = 0;
  const details: Record<'FILE_NOT_FOUND' | 'FILE_FORMAT_UNSUPPORTED', ErrorDetail[]> = {
    FILE_NOT_FOUND: [],
    FILE_FORMAT_UNSUPPORTED: [],
  };
  for (let at = 0; at < files.length && count(details) < DETAILS_MAX; at += AT_ONCE) {
    const some = files.slice(at, at + AT_ONCE);
    const states = await Promise.all(some.map(({ id }) => ownFileState(commands, id, caller)));
    for (const [n, { field, models }] of some.entries()) {
      const state = states[n];
      if (state?.status !== 'stored') {
        const isComing = state?.status === 'requested' || state?.status === 'uploaded';
        const message = isComing ? NOT_CONFIRMED : 'does not exist';
        details.FILE_NOT_FOUND.push({ field, code: 'file_not_found', message });
        continue;
      }
      const { contentType } = state.content;
      durationMs += state.content.durationMs ?? 0;
      const refusing = models.find(({ accepts }) => accepts && !isAccepted(accepts, contentType));
      if (refusing) details.FILE_FORMAT_UNSUPPORTED.push(unsupported(field, contentType, refusing));
    }
  }
  for (const code of ORDER)
    if (details[code].length > 0) return new Refusal(code, undefined, details[code]);
  return durationMs / 1_000;
}

const NOT_CONFIRMED = 'is not confirmed: upload its bytes, then POST /v1/files/confirm';

const count = (details: Readonly<Record<string, readonly ErrorDetail[]>>): number =>
  Object.values(details).reduce((sum, { length }) => sum + length, 0);

const ORDER = ['FILE_NOT_FOUND', 'FILE_FORMAT_UNSUPPORTED'] as const satisfies readonly ErrorCode[];

/** `image/*` stands for every type of pictures. */
const isAccepted = (accepts: readonly string[], contentType: string): boolean =>
  accepts.some((one) =>
    one.endsWith('/*') ? contentType.startsWith(one.slice(0, -1)) : one === contentType,
  );

const unsupported = (field: string, contentType: string, { slug, accepts = [] }: Model) => ({
  field,
  code: 'format_unsupported',
  message: `is ${contentType}; ${slug} takes ${accepts.join(', ')}`,
});
