/** `replay --as-of`: what the balance, the status or the price was then, and why. */
import { asOfIn } from '../../contracts/http/as-of.js';
import { isId, type ExecutionId } from '../../contracts/ids.js';
import { StoreUnavailable } from '../../infra/event-store/port.js';
import { openTenantReads } from '../../infra/read-store/tenant-reads.js';
import { StartError } from '../../infra/start-error.js';
import type { Cut } from '../../query-api/as-of/cut.js';
import { withDatabase, type Database } from '../../runtime/open-database.js';
import type { Context } from '../context.js';
import { expectOrganization, organizationIdIn } from '../organization-id.js';
import { asJson } from '../table.js';
import { executionReplayed } from './execution.js';
import { modelReplayed } from './model.js';
import { organizationReplayed } from './organization.js';
import { logReplayed } from './log.js';
import { textOf } from './text.js';

export interface ReplayOptions {
  readonly asOf: string;
  readonly organization?: string;
  readonly execution?: string;
  readonly model?: string;
  readonly json?: true;
}

export async function replay(context: Context, options: ReplayOptions): Promise<void> {
  const cut = cutOf(options.asOf);
  const { organization, execution } = options;
  const organizationId = organization === undefined ? undefined : organizationIdIn(organization);
  const executionId = execution === undefined ? undefined : executionIdIn(execution);
  const { model } = options;
  const answer = await withDatabase(context.config(), async (database) => {
    await expectInLog(database, cut);
    const { store, progress, readStore } = database;
    if (organizationId) await expectOrganization(store, organizationId);
    const infra = { store, progress, reads: openTenantReads(readStore) };
    const isOfLog = !organizationId && !executionId && model === undefined;
    return {
      as_of: options.asOf,
      ...(organizationId && {
        organization: await organizationReplayed(infra, organizationId, cut),
      }),
      ...(executionId && { execution: await executionReplayed(store, executionId, cut) }),
      ...(model !== undefined && { model: await modelReplayed(infra, model, cut) }),
      ...(isOfLog && { log: await logReplayed(store, cut, context.signal) }),
    };
  }).catch((error: unknown) => {
    if (!(error instanceof StoreUnavailable)) throw error;
    throw new StartError(`${error.message}: try again when the projectors have run.`);
  });
  context.print(options.json ? asJson(answer) : textOf(answer));
}

function cutOf(text: string): Cut {
  const asked = asOfIn(text);
  if (!asked)
    throw new StartError(
      `'${text}' is neither a time, such as 2026-01-31T12:00:00Z, nor a position of the log.`,
    );
  if (asked.kind === 'number') return { kind: 'position', position: asked.number };
  if (asked.ms <= Date.now()) return asked;
  throw new StartError(`${text} is still to come: name a moment that has been.`);
}

function executionIdIn(text: string): ExecutionId {
  if (isId('exec', text)) return text as ExecutionId;
  throw new StartError(`'${text}' is no execution's id: they are exec_<uuid>.`);
}

async function expectInLog({ store }: Pick<Database, 'store'>, cut: Cut): Promise<void> {
  const head = await store.head();
  if (cut.kind === 'time' || cut.position <= head) return;
  throw new StartError(`The log ends at position ${head}: ${cut.position} is behind it.`);
}
