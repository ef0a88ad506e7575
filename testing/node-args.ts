/** What the Makefile and the image start Node with; docs/distributed.md says why. */
export const SHIPPED_NODE_ARGS = [
  '--max-semi-space-size=64',
  '--min-semi-space-size=16',
  '--no-memory-reducer',
  '--expose-gc',
] as const;
