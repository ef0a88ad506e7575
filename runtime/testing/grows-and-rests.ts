/** A process that grows by some 200 MB, lets go of it, and says what it has then. */
import { collectWhenIdle } from '../collect-when-idle.js';

collectWhenIdle({ debug: () => process.send?.('collected') }, 100);

let held: string[][] | undefined = Array.from({ length: 400 }, (_, n) =>
  Array.from({ length: 10_000 }, (_, m) => `${n} ${m} of many strings`),
);
process.send?.({ grown: process.memoryUsage.rss(), held: held.length });
held = undefined;
setInterval(() => process.send?.({ rss: process.memoryUsage.rss() }), 50);
