/** What a processor writes as the cause of its events. */
import type { StreamName } from '../contracts/streams.js';
import type { Cause } from '../command-handling/transact.js';

/** `about` is the story's id (an execution's); `wokenBy` the event that led here. */
export const causeOf = (
  processor: string,
  about: string,
  wokenBy: { readonly stream: StreamName; readonly revision: number } | string,
): Cause => ({
  actor: `processor:${processor}`,
  correlationId: about,
  causationId:
    typeof wokenBy === 'string' ? wokenBy : `${wokenBy.stream}@${String(wokenBy.revision)}`,
});
