/** `audit export`. */
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { momentMs } from '../../contracts/http/moment.js';
import { exportFeed } from '../../infra/proof-store/export-feed.js';
import { StartError } from '../../infra/start-error.js';
import type { Context } from '../context.js';
import { expectOrganization, organizationIdIn } from '../organization-id.js';
import { outTrouble } from '../out-file.js';
import { withProvenLog } from './installation.js';

interface ExportOptions {
  readonly from?: string;
  readonly to?: string;
  readonly sinceSize?: number;
  readonly out?: string;
}

export async function exportAudit(
  context: Context,
  organization: string,
  { from, to, sinceSize, out }: ExportOptions,
): Promise<void> {
  const organizationId = organizationIdIn(organization);
  const range = { from: momentOf('--from', from), to: momentOf('--to', to) };
  if (range.from && range.to && range.to < range.from)
    throw new StartError(`--from ${from} is not before --to ${to}.`);
  await withProvenLog(context.config(), async (log) => {
    const { checkpoint } = log;
    await expectOrganization(log.store, organizationId);
    if (sinceSize !== undefined && sinceSize > checkpoint.size)
      throw new StartError(`--since-size is larger than the tree of ${checkpoint.size} events.`);
    const wanted = { organizationId, checkpoint, sinceSize };
    const chunks = Readable.from(exportFeed(log, { ...wanted, ...range }), { objectMode: false });
    const { signal } = context;
    if (out === undefined) return pipeline(chunks, process.stdout, { end: false, signal });
    const file = createWriteStream(out, { mode: 0o600, flush: true });
    await pipeline(chunks, file, { signal }).catch((error: unknown) => {
      throw outTrouble(error, out);
    });
    context.print(`exported up to the checkpoint of ${checkpoint.size} events to ${out}`);
  });
}

function momentOf(option: string, text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const ms = momentMs(text);
  if (ms === undefined) throw new StartError(`${option} is '${text}', which is no moment.`);
  return new Date(ms);
}
