/** `erase --organization <id>`. */
import { openRepositories } from '../../command-handling/repositories.js';
import type { OrganizationId } from '../../contracts/ids.js';
import { rowsOf } from '../../infra/read-store/reading.js';
import { amount } from '../../infra/read-store/table.js';
import { StartError } from '../../infra/start-error.js';
import { caughtUp } from '../../query-api/caught-up.js';
import { openFiles } from '../../runtime/open-files.js';
import { withDatabase, type Database } from '../../runtime/open-database.js';
import type { Context } from '../context.js';
import { expectOrganization, organizationIdIn } from '../organization-id.js';
import { asJson } from '../table.js';
import { CAUGHT_UP_MS, eraseOrganization, type ErasedOrganization } from './erase-organization.js';

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
      const isKnown = await caughtUp(database, 'holds', CAUGHT_UP_MS);
      if (!isKnown && !options.force)
        throw new StartError(
          `The read model of holds is behind the log, so that it is not known what of ${id} is ` +
            'not over: start the system, or say --force.',
        );
      const running = await runningOf(database, id);
      if (running > 0n && !options.force)
        throw new StartError(
          `${running} executions of ${id} are not over: wait for them, cancel them, or say ` +
            '--force, and they come to nothing.',
        );
      if (!options.yes) return context.print(whatItWouldDo(id));
      const filing = await openFiles(config, database.dataKeys);
      try {
        const erased = await eraseOrganization({
          database,
          repositories: openRepositories(database.store),
          largePayloads: filing.largePayloads,
          organizationId: id,
          reason,
          signal: context.signal,
          say: (line) => (options.json ? undefined : context.print(line)),
        });
        context.print(
          options.json ? asJson({ organization_id: id, ...erased }) : textOf(id, erased),
        );
      } finally {
        await filing.close();
      }
    },
    { asOwner: true },
  );
}

async function runningOf({ readStore }: Database, id: OrganizationId): Promise<bigint> {
  const text = 'SELECT count(*) AS running FROM readmodel.holds WHERE organization_id = $1';
  const [row] = await rowsOf(readStore, { text, values: [id] });
  return row ? amount(row, 'running') : 0n;
}

const whatItWouldDo = (id: OrganizationId): string =>
  `This would erase all that is stored for ${id}, for ever: its data key, its inputs and ` +
  'outputs, its files. Its API keys would be revoked. Say --yes to do it.';

function textOf(id: OrganizationId, { keys, payloads, files }: ErasedOrganization): string {
  return (
    `${id} is erased: its data key is destroyed, ${keys} API keys are revoked, ${payloads} ` +
    `payloads are removed and ${files} files deleted; log, ledger and proofs stay.`
  );
}
