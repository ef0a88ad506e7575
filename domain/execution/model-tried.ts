/** The models of an execution: the one that was asked for, and those that may stand in for it. */
import type { ExecutionRequested } from '../../contracts/events/execution.js';

type Request = Pick<ExecutionRequested['data'], 'model' | 'fallbackModels'>;

/** In the order in which they are tried. */
export const modelsOf = ({ model, fallbackModels = [] }: Request): readonly string[] => [
  model,
  ...fallbackModels,
];

/** Of an attempt. */
export const modelTried = ({ model }: Request, attempt: { readonly model?: string }): string =>
  attempt.model ?? model;

/** Whether another model, that there still is, comes after that of the attempt. */
export function isFollowed(
  request: Request,
  attempt: { readonly model?: string },
  models: ReadonlyMap<string, unknown>,
): boolean {
  if (!request.fallbackModels) return false;
  const all = modelsOf(request);
  const behind = all.slice(all.indexOf(modelTried(request, attempt)) + 1);
  return behind.some((slug) => models.has(slug));
}

/** The attempts that were made on other models than the last one was. */
export function triedOnOthers(
  request: Request,
  attempts: readonly { readonly model?: string }[],
): number {
  const last = attempts.at(-1);
  if (!last || !request.fallbackModels) return 0;
  const own = modelTried(request, last);
  return attempts.filter((attempt) => modelTried(request, attempt) !== own).length;
}
