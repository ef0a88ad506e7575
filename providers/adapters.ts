/** The wire adapters that a catalogue may name, and what each produces. */
import type { Modality } from '../contracts/events/execution.js';

export const adapterModalities: ReadonlyMap<string, Modality> = new Map([
  ['openai-chat', 'text'],
  ['openai-images', 'image'],
  ['sandbox-jobs', 'image'],
]);
