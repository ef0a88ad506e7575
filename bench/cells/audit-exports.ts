/**
 * R16: an audit export of so many events (BENCH_EXPORT, a million unless it is set) written to a
 * file, and that file verified: events per second against those that are asked for, and the peak of
 * resident memory against that of a tenth of the events. Each is done by a process of its own. The
 * two feeds are among one another in one log, whose tree is made in the same run.
 */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type {
  AuditFilesAnswer,
  AuditFilesAsk,
  AuditFilesConfig,
} from '../baselines/audit-files.js';
import type { Cell, Comparison, Side } from '../cell.js';
import { startPart } from '../children.js';
import { withDefer } from '../defer.js';
import { fillLog, type FilledFeed } from '../provable-log.js';

const EXPORTED_PER_SECOND = 20_000;
const VERIFIED_PER_SECOND = 50_000;
/** A longer run leaves more to be collected. */
const MEMORY_RATIO = 1.25;

export const auditExports: Cell = {
  ids: ['R16.export', 'R16.verify', 'R16.export-memory', 'R16.verify-memory'],
  title: 'Audit exports',
  onRequest: true,
  open: ({ databases, settings }) =>
    withDefer(async (defer) => {
      const url = await databases.fresh('audit_exports');
      defer(() => databases.drop(url));
      const many = settings.exportEvents;
      const began = performance.now();
      const [large, small] = await fillLog(url, [many, Math.ceil(many / 10)]);
      if (!large || !small) throw new Error('there is nothing to export');
      console.log(`    filled in ${((performance.now() - began) / 1_000).toFixed(0)} s`);
      const grown = await answerOf(url, { do: 'grow' });
      const notes = [`the tree of ${told(grown)}`];
      console.log(`    ${notes[0]}`);
      const folder = await databases.folder('audit-exports');
      const of = async (feed: FilledFeed): Promise<FeedSides> => {
        const path = join(folder, `${feed.events}.ndjson`);
        const answer = await answerOf(url, { do: 'export', path, ...feed });
        const { size } = await stat(path);
        notes.push(`export of ${told(answer)}, ${Math.round(size / answer.events)} bytes an event`);
        return sidesOf(url, path, feed);
      };
      const comparisons = comparisonsOf(await of(large), await of(small));
      return { comparisons, check: async () => [], notes: () => notes };
    }),
};

interface FeedSides {
  readonly events: number;
  readonly exported: Side;
  readonly verified: Side;
}

function sidesOf(url: string, path: string, { organizationId, events }: FilledFeed): FeedSides {
  const side = (name: string, ask: AuditFilesAsk): Side => ({
    name: `${name} of ${events}`,
    async measure() {
      const answer = await answerOf(url, ask);
      if (answer.events !== events)
        throw new Error(`${events} events were written, ${answer.events} are there`);
      const { seconds, cpuSeconds, peakMib } = answer;
      return { perSecond: events / seconds, cpuUs: (cpuSeconds * 1e6) / events, peakMib };
    },
  });
  return {
    events,
    exported: side('export', { do: 'export', organizationId, path }),
    verified: side('verification', { do: 'verify', path }),
  };
}

function comparisonsOf(large: FeedSides, small: FeedSides): readonly Comparison[] {
  const rate = { metric: 'perSecond', unit: ' events/s', target: 1 };
  const memory = { metric: 'peakMib', unit: ' MiB', target: MEMORY_RATIO, atMost: true };
  const tenth = `÷ of ${small.events}`;
  return [
    {
      id: 'R16.export',
      name: `exported of ${large.events} ÷ ${EXPORTED_PER_SECOND}/s`,
      a: large.exported,
      b: asked(EXPORTED_PER_SECOND),
      ...rate,
    },
    {
      id: 'R16.verify',
      name: `verified of ${large.events} ÷ ${VERIFIED_PER_SECOND}/s`,
      a: large.verified,
      b: asked(VERIFIED_PER_SECOND),
      ...rate,
    },
    {
      id: 'R16.export-memory',
      name: `peak memory of an export of ${large.events} ${tenth}`,
      a: large.exported,
      b: small.exported,
      ...memory,
    },
    {
      id: 'R16.verify-memory',
      name: `peak memory of a verification of ${large.events} ${tenth}`,
      a: large.verified,
      b: small.verified,
      ...memory,
    },
  ];
}

/** What is asked for is the same in every turn. */
const asked = (perSecond: number): Side => ({
  name: 'asked for',
  measure: async () => ({ perSecond }),
});

async function answerOf(url: string, ask: AuditFilesAsk): Promise<AuditFilesAnswer> {
  const config: AuditFilesConfig = { url };
  const part = await startPart<null, AuditFilesAsk, AuditFilesAnswer>(
    'baselines/audit-files.js',
    config,
  );
  try {
    return await part.ask(ask);
  } finally {
    await part.stop();
  }
}

function told({ events, seconds, cpuSeconds, peakMib }: AuditFilesAnswer): string {
  const each = (of: number) => `${((of * 1e6) / events).toFixed(1)} µs`;
  const rate = Math.round(events / seconds);
  return (
    `${events} events: ${rate}/s, ${each(seconds)} an event, ${each(cpuSeconds)} of processor ` +
    `time, peak ${peakMib.toFixed(0)} MiB`
  );
}
