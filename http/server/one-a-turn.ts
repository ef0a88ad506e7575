/**
 * What takes milliseconds of the process, such as reading a megabyte of JSON, is done once in a
 * turn of the event loop: between two of them every request that has arrived meanwhile is handled.
 */
export function openOwnTurns(): () => Promise<void> {
  let last: Promise<void> = Promise.resolve();
  const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
  return () => (last = last.then(turn));
}
