/** A piece of an app that runs until the signal aborts; it finishes what it holds and returns. */
export interface Worker {
  readonly name: string;
  run(signal: AbortSignal): Promise<void>;
}
