/** Why a model may not be run, or read about, with a key. */
import type { ErrorDetail } from '../../contracts/error-codes.js';

export const modelNotAllowed = (field: string, slug: string): ErrorDetail => ({
  field,
  code: 'model_not_allowed',
  message: `'${slug}' may not be run with this API key`,
});
