/** Sizes that callers name, and a tree that is not stored so far. */
import { Refusal, type Reply } from '../../http/server/route.js';
import { TreeIncomplete } from '../../infra/proof-store/tree-reader.js';

export const refusedSize = (field: string, sizeMax: number): Refusal =>
  new Refusal('INPUT_VALIDATION_ERROR', 'The query is not valid.', [
    { field, code: 'maximum', message: `must be at most ${sizeMax}` },
  ]);

/** Nothing that has it was signed; soon something will be. */
export const notYet = (): Refusal =>
  new Refusal('SERVICE_UNAVAILABLE', undefined, undefined, { 'retry-after': '5' });

/** While the tree is made again, what is behind its end can be asked for later. */
export async function whenStored(answer: () => Promise<Reply>): Promise<Reply | Refusal> {
  try {
    return await answer();
  } catch (error) {
    if (!(error instanceof TreeIncomplete)) throw error;
    return notYet();
  }
}
