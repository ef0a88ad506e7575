/**
 * Which file a lane runs next: the longest of its kinds that the machine has room for. What a kind
 * takes was measured (processor time over elapsed time, on two cores); a core has two shares.
 */
import { availableParallelism } from 'node:os';
import type { Kind, SpecFile } from './spec-files.js';

export interface Shares {
  /** Waits for room; undefined once no file of these kinds is left. */
  readonly take: (kinds: readonly Kind[]) => Promise<Taken | undefined>;
}

export interface Taken {
  readonly path: string;
  /** When it is over. */
  giveBack(): void;
}

const SHARES_OF: Readonly<Record<Kind, number>> = {
  pure: 1,
  store: 1,
  kafka: 1,
  system: 2,
  cluster: 3,
};
/** The machine is never too small for one file. */
const SHARES = Math.max(2 * availableParallelism(), ...Object.values(SHARES_OF));

/** `files` in the order in which they are taken. */
export function openShares(files: readonly SpecFile[], total = SHARES): Shares {
  const left = [...files];
  const waiting: (() => void)[] = [];
  let free = total;
  const isOf = (kinds: readonly Kind[]) => (file: SpecFile) => kinds.includes(file.kind);
  const giveBack = (file: SpecFile) => {
    free += SHARES_OF[file.kind];
    for (const look of waiting.splice(0)) look();
  };
  return {
    async take(kinds) {
      while (left.some(isOf(kinds))) {
        const fits = (file: SpecFile) => isOf(kinds)(file) && SHARES_OF[file.kind] <= free;
        const file = left.find(fits);
        if (file) {
          left.splice(left.indexOf(file), 1);
          free -= SHARES_OF[file.kind];
          return { path: file.path, giveBack: () => giveBack(file) };
        }
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
      return undefined;
    },
  };
}
