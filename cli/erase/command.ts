/** `erase --organization <id>`. */
import { openAccountStates } from '../../command-handling/accounts/account-states.js';
import {
  endAccess,
  executionsNotOver,
  recordErasure,
  removeContents,
  type RemovedContents,
} from '../../command-handling/erase-organization.js';
import { openRepositories } from '../../command-handling/repositories.js';
import type { OrganizationId } from '../../contracts/ids.js';
import { StoreUnavailable } from '../../infra/event-store/port.js';
import type { LargePayloads } from '../../infra/payloads/port.js';
import { StartError } from '../../infra/start-error.js';
import { openFiles } from '../../runtime/open-files.js';
import { withDatabase, type Database } from '../../runtime/open-database.js';
import type { Context } from '../context.js';
import { expectOrganization, organizationIdIn } from '../organization-id.js';
import { asJson } from '../table.js';

export interface EraseOptions {
  readonly organization: string;
  readonly yes?: true;
  readonly force?: true;
  readonly reason?: string;
  readonly json?: true;
}

const REASON_LENGTH_MAX = 500;

export async function eraseCommand(context: Context, options: EraseOptions): Promise<void> {
  const id = organizationIdIn(options.organization);
  const { reason } = options;
  if (reason !== undefined && (reason.length > REASON_LENGTH_MAX || /\p{Cc}|\p{Cs}/u.test(reason)))
    throw new StartError(`--reason has at most ${REASON_LENGTH_MAX} characters, none of control.`);
  const config = context.config();
  await withDatabase(
    config,
    async (database) => {
      await expectOrganization(database.store, id);
      const running = await runningOf(database, id);
      if (running > 0 && !options.force)
        throw new StartError(
          `${running} executions of ${id} are not over: wait for them, cancel them, or say ` +
            '--force, and they come to nothing.',
        );
      if (!options.yes) return context.print(whatItWouldDo(id));
      const filing = await openFiles(config, database.dataKeys);
      try {
        const erased = await erase(context, { ...options, id, database, ...filing });
        const { keys, payloads, files } = erased;
        const told = { organization_id: id, keys, payloads, files };
        context.print(options.json ? asJson(told) : textOf(id, erased));
      } finally {
        await filing.close();
      }
    },
    { asOwner: true },
  );
}

interface Erasing extends Pick<EraseOptions, 'json' | 'reason'> {
  readonly id: OrganizationId;
  readonly database: Database;
  readonly largePayloads: LargePayloads;
}

interface Erased extends RemovedContents {
  readonly keys: number;
}

async function erase(
  { signal, print }: Context,
  { id, database, largePayloads, reason, json }: Erasing,
): Promise<Erased> {
  const erasing = {
    ...openRepositories(database.store),
    ...database,
    largePayloads,
    now: Date.now,
  };
  const metadata = {
    actor: 'operator',
    correlationId: id,
    causationId: 'modelroute erase',
    ...(reason !== undefined && { reason }),
  };
  const say = (line: string): void => (json ? undefined : print(line));
  const erasure = { organizationId: id, metadata };
  await recordErasure(erasing, erasure);
  const keys = await endAccess(erasing, erasure);
  // What the row was before is rewritten too; a role that may not do so leaves it to autovacuum.
  await database.readStore.query('VACUUM (FULL) datakeys.keys');
  say('its data key is destroyed; what is stored under it cannot be read any more');
  try {
    return { keys, ...(await removeContents(erasing, { ...erasure, signal, say })) };
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) throw error;
    throw new StartError(
      `${id} is erased, and not all of what is stored for it is removed (${error.message}): the ` +
        'running system goes on with it, or give the command again.',
    );
  }
}

async function runningOf({ store, log }: Database, id: OrganizationId): Promise<number> {
  const onError = (error: unknown) => log.warn({ err: error }, 'the account cannot be read');
  return executionsNotOver(openAccountStates({ store, onError }), id);
}

const whatItWouldDo = (id: OrganizationId): string =>
  `This would erase all that is stored for ${id}, for ever: its data key, its inputs and ` +
  'outputs, its files. Its API keys would be revoked. Say --yes to do it.';

function textOf(id: OrganizationId, { keys, payloads, files }: Erased): string {
  return (
    `${id} is erased: its data key is destroyed, ${keys} API keys are revoked, ${payloads} ` +
    `payloads are removed and ${files} files deleted by this command, what else there was by the ` +
    'running system; log, ledger and proofs stay.'
  );
}
