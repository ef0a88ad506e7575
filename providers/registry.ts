/** Every vendor; a new one is a line here and a folder. */
import { anthropic } from './anthropic/anthropic.js';
import { fal } from './fal/fal.js';
import { gemini } from './gemini/gemini.js';
import { genericJson } from './generic-json/generic-json.js';
import { openai } from './openai/openai.js';
import { replicate } from './replicate/replicate.js';
import { sandboxJobs } from './sandbox-jobs/jobs.js';
import type { Vendor } from './vendor.js';

const vendors: readonly Vendor[] = [
  openai,
  anthropic,
  gemini,
  replicate,
  fal,
  sandboxJobs,
  genericJson,
];

/** Adapters by the name that a catalogue gives. */
export const adapterKinds: ReadonlyMap<string, Vendor[string]> = new Map(
  vendors.flatMap((vendor) => Object.entries(vendor)),
);
