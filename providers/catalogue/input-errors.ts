/** Violations of a model's schema in an API's words: field, code, sentence; never the value. */
import type { ErrorObject } from 'ajv/dist/2020.js';
import type { ErrorDetail } from '../../contracts/error-codes.js';
import {
  violatedField,
  violationCode,
  violationMessage,
} from '../../contracts/http/schema-violations.js';

const DETAILS_MAX = 20;

/** `errors` come from an Ajv with `verbose`. */
export function detailsOf(errors: readonly ErrorObject[]): ErrorDetail[] {
  const choices = errors.filter(({ keyword }) => keyword === 'anyOf' || keyword === 'oneOf');
  const shown = errors.filter(
    (error) =>
      // Of a condition, what its branch says.
      error.keyword !== 'if' &&
      !choices.some((choice) => error !== choice && isBranchOf(error, choice)),
  );
  const details = new Map<string, ErrorDetail>();
  for (const detail of shown.map(detailOf)) {
    const sameOne = `${detail.field} ${detail.code}`;
    if (!details.has(sameOne)) details.set(sameOne, detail);
    if (details.size === DETAILS_MAX) break;
  }
  return [...details.values()];
}

/** What one branch of a choice lacks is no news: another branch may be the one that was meant. */
const isBranchOf = (error: ErrorObject, choice: ErrorObject): boolean =>
  error.schemaPath.startsWith(`${choice.schemaPath}/`) &&
  error.instancePath.startsWith(choice.instancePath);

function detailOf(error: ErrorObject): ErrorDetail {
  const { keyword, params, data } = error;
  const field = violatedField(error, 'input');
  if (keyword === 'format' && isFileId(params) && looksLikeUrl(data))
    return { field, code: 'raw_url_not_allowed', message: RAW_URL };
  return { field, code: violationCode(error), message: violationMessage(error, ' of this model') };
}

const RAW_URL = 'must be a file id (file_<uuid>), not a raw URL: upload the file and give its id';

const isFileId = (params: unknown): boolean =>
  (params as { format?: string } | null)?.format === 'file-id';

/** Any scheme, `data:` included, and the forms that a lenient fetcher would complete to one. */
const looksLikeUrl = (value: unknown): boolean =>
  typeof value === 'string' && /^\s*([a-z][a-z0-9+.-]*:|\/\/|www\.)/i.test(value);
