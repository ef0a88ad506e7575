/** A process that grows by some 200 MB, lets go of it, and sends what it has, first and then. */
import { collectWhenIdle } from '../collect-when-idle.js';

collectWhenIdle({ debug: () => process.send?.('collected') }, 100);

const sendRss = () => process.send?.(process.memoryUsage.rss());
let held: string[][] | undefined = Array.from({ length: 400 }, (_, n) =>
  Array.from({ length: 10_000 }, (_, m) => `${n} ${m} of many strings`),
);
sendRss();
if (held.length > 0) held = undefined;
setInterval(sendRss, 50);
