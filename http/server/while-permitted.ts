/** Reads that take long end with the key that asked for them. */
import type { Readable } from 'node:stream';
import { Refusal, type Reply } from './route.js';

/** An answer in less time is as good as one at once: it shows what was there when it was asked. */
const LONG_MS = 1_000;

/** How long a stream outlives its key, at most; the look itself is cached. */
const LOOK_EVERY_MS = 1_000;

interface Permission {
  /** Rejects with a `Refusal` once the caller has no right to the answer any more. */
  look(): Promise<void>;
  /** Ends an answer that has begun. */
  cut(): void;
}

export async function whilePermitted(
  handle: () => Promise<Reply | Refusal>,
  permission: Permission,
): Promise<Reply | Refusal> {
  const startedMs = performance.now();
  const answered = await handle();
  if (answered instanceof Refusal) return answered;
  if (performance.now() - startedMs > LONG_MS && (await isRefused(permission))) {
    answered.stream?.destroy();
    return new Refusal('UNAUTHORIZED');
  }
  if (answered.isLive && answered.stream) breakWithKey(answered.stream, permission);
  return answered;
}

function breakWithKey(stream: Readable, permission: Permission): void {
  const looking = setInterval(() => {
    void isRefused(permission).then((refused) => refused && permission.cut());
  }, LOOK_EVERY_MS);
  stream.once('close', () => clearInterval(looking));
}

/** While nobody can tell, because the store is away, what was begun goes on. */
async function isRefused(permission: Permission): Promise<boolean> {
  try {
    await permission.look();
    return false;
  } catch (error) {
    return error instanceof Refusal;
  }
}
