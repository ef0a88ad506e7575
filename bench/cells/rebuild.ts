/**
 * R6: all read models of a log made anew, by the projectors that catch up and by a rebuild of each,
 * against the server that copies the finished rows, from files of its own, into tables with the
 * same indexes. A rebuild also compares what it has made with what was there, and replaces it.
 */
import { audit } from '../audit.js';
import type { Cell } from '../cell.js';
import { withDefer } from '../defer.js';
import { growLog } from '../grown-log.js';
import { readModelSide } from '../read-model-work.js';

const EVENTS = 100_000;

export const rebuilds: Cell = {
  ids: ['R6', 'R6.rebuild'],
  title: 'Read models made anew',
  open: (bench) =>
    withDefer(async (defer) => {
      const { databases, settings } = bench;
      const databaseUrl = await databases.fresh('read_models');
      defer(() => databases.drop(databaseUrl));
      const grown = await growLog(bench, databaseUrl, settings.growthEvents ?? EVENTS);
      const rate = { b: readModelSide(grown, 'copy'), metric: 'perSecond', unit: ' events/s' };
      const copy = 'the server copying the same rows';
      return {
        comparisons: [
          {
            id: 'R6',
            name: `catch-up with ${grown.events} events ÷ ${copy}`,
            a: readModelSide(grown, 'catch-up'),
            ...rate,
            target: 0.4,
          },
          {
            id: 'R6.rebuild',
            name: `rebuild from ${grown.events} events ÷ ${copy}`,
            a: readModelSide(grown, 'rebuild'),
            ...rate,
            target: 0.5,
          },
        ],
        check: () => audit({ databases, databaseUrl, settled: false }),
      };
    }),
};
