/** A spec that cannot run here gives its reason; the closing lines of the run list all of them. */
import type { Context } from 'mocha';

/** Skips the spec, or the whole suite when called from its `before`. */
export function skip(test: Context, reason: string): never {
  const runnable = test.test as { type?: string; parent?: object } | undefined;
  const skipped = runnable?.type === 'hook' ? runnable.parent : runnable;
  if (skipped) Object.assign(skipped, { skipReason: reason });
  return test.skip();
}

/** For what every CI machine has: there a skip would hide that the component is missing. */
export function skipOutsideCi(test: Context, reason: string): never {
  if (process.env['CI']) throw new Error(`CI must not skip this: ${reason}`);
  return skip(test, reason);
}
