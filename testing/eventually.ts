/**
 * A deadline is for what never comes, not for what is slow: where an answer must be quick, the spec
 * says so itself.
 */
const DEADLINE_MS = 15_000;

/** Asks until the answer is truthy, and answers with it; fails with `what` after the deadline. */
export async function eventually<T>(
  what: string,
  ask: () => T | Promise<T>,
  deadlineMs = DEADLINE_MS,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (performance.now() > deadline) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
