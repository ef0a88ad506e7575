/** `executions show`. */
import { isId, type ExecutionId } from '../contracts/ids.js';
import { StartError } from '../infra/start-error.js';
import { withDatabase } from '../runtime/open-database.js';
import type { Context } from './context.js';
import { executionText } from './execution-text.js';
import { executionViewOf } from './execution-view.js';
import { asJson } from './table.js';

export async function showExecution(
  context: Context,
  id: string,
  { json }: { readonly json?: true },
): Promise<void> {
  if (!isId('exec', id))
    throw new StartError(`'${id}' is no execution's id: they are exec_<uuid>.`);
  const view = await withDatabase(context.config(), (database) =>
    executionViewOf(database, id as ExecutionId),
  );
  context.print(json ? asJson(view) : executionText(view));
}
