/** The metadata of a processor's commands. */
import type { StreamName } from '../contracts/streams.js';
import type { CommandMetadata } from '../command-handling/command-metadata.js';

/** `about` is the story's id (an execution's); `wokenBy` is the event that led here. */
export const metadataOf = (
  processor: string,
  about: string,
  wokenBy: { readonly stream: StreamName; readonly revision: number } | string,
): CommandMetadata => ({
  actor: `processor:${processor}`,
  correlationId: about,
  causationId:
    typeof wokenBy === 'string' ? wokenBy : `${wokenBy.stream}@${String(wokenBy.revision)}`,
});
