/**
 * `make timings`: whether the time of an answer tells another tenant's id from a made-up one. For
 * each route that takes an id, medians of 200 answers to either, asked in turn, and their ratio.
 * ROUTES names a part of them: `ROUTES=/webhooks make timings`.
 */
import { randomUUID } from 'node:crypto';
import { runEndings } from '../../testing/at-end.js';
import type { Client } from '../../testing/client.js';
import { newTenant } from '../../testing/client.js';
import { startSystem } from '../../testing/system.js';
import {
  askFor,
  furtherThingsOf,
  named,
  takersOf,
  thingsOf,
  type Taker,
} from '../testing/id-takers.js';

const ROUNDS = 200;
const WARM_UP_ROUNDS = 20;
const DIFFERENCE_MAX = 0.2;

const wanted = process.env['ROUTES'] ?? '';
try {
  const system = await startSystem();
  const [owner, other] = await Promise.all([newTenant(system), newTenant(system)]);
  const [things, further] = [await thingsOf(owner), await furtherThingsOf(owner)];
  let wrong = 0;
  for (const taker of await takersOf(system)) {
    if (!named(taker).includes(wanted)) continue;
    const ids = { '': things[taker.kind] ?? '', ...further[taker.kind] };
    for (const [name, id] of Object.entries(ids)) {
      const { theirs, madeUp } = await medians(other.api, taker, id);
      const ratio = theirs / madeUp;
      const isWrong = Math.abs(ratio - 1) > DIFFERENCE_MAX;
      if (isWrong) wrong += 1;
      const figures = `${theirs.toFixed(2)} ms, ${madeUp.toFixed(2)} ms, ${ratio.toFixed(2)}`;
      console.log(`${isWrong ? 'DIFFERS' : 'alike  '} ${figures}  ${named(taker)} ${name}`);
    }
  }
  process.exitCode = wrong === 0 ? 0 : 1;
} finally {
  await runEndings();
}

async function medians(api: Client, taker: Taker, id: string) {
  const times = { theirs: [] as number[], madeUp: [] as number[] };
  for (let round = 0; round < WARM_UP_ROUNDS + ROUNDS; round++) {
    const kinds =
      round % 2 === 0 ? (['theirs', 'madeUp'] as const) : (['madeUp', 'theirs'] as const);
    for (const kind of kinds) {
      const asked = kind === 'theirs' ? id : `${taker.kind}_${randomUUID()}`;
      const beganMs = performance.now();
      await askFor(api, taker, asked);
      if (round >= WARM_UP_ROUNDS) times[kind].push(performance.now() - beganMs);
    }
  }
  return { theirs: median(times.theirs), madeUp: median(times.madeUp) };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
