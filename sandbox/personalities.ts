/**
 * The providers of the sandbox: two speak OpenAI's wire format, one Anthropic's, one Gemini's, one
 * accepts jobs, and two host other people's models and call back.
 */
import { type Brush } from './pictures.js';
import { type Voice } from './prose.js';
import { auroraVoice, borealisVoice } from './voices.js';

export interface Personality {
  readonly name: string;
  /**
   * `jobs`: it accepts work, and is asked later what came of it (see jobs.ts); `replicate` and
   * `fal`: it calls back, or is asked (see hosted-jobs.ts).
   */
  readonly speaks: 'openai' | 'jobs' | 'replicate' | 'fal' | 'anthropic' | 'gemini';
  /** Whether a repeated `Idempotency-Key` answers the original result again, unpaid. */
  readonly honoursIdempotencyKey: boolean;
  readonly latencyMs: number;
  readonly voice: Voice;
  readonly brush: Brush;
}

export const personalities: readonly Personality[] = [
  {
    name: 'aurora',
    speaks: 'openai',
    honoursIdempotencyKey: true,
    latencyMs: 200,
    voice: auroraVoice,
    brush: 'landscape',
  },
  {
    name: 'borealis',
    speaks: 'openai',
    honoursIdempotencyKey: false,
    latencyMs: 300,
    voice: borealisVoice,
    brush: 'currents',
  },
  {
    name: 'polaris',
    speaks: 'jobs',
    honoursIdempotencyKey: true,
    latencyMs: 50,
    voice: auroraVoice,
    brush: 'landscape',
  },
  {
    name: 'vega',
    speaks: 'replicate',
    honoursIdempotencyKey: false,
    latencyMs: 50,
    voice: borealisVoice,
    brush: 'landscape',
  },
  {
    name: 'lyra',
    speaks: 'fal',
    honoursIdempotencyKey: false,
    latencyMs: 50,
    voice: auroraVoice,
    brush: 'currents',
  },
  {
    name: 'altair',
    speaks: 'anthropic',
    honoursIdempotencyKey: false,
    latencyMs: 250,
    voice: borealisVoice,
    brush: 'currents',
  },
  {
    name: 'capella',
    speaks: 'gemini',
    honoursIdempotencyKey: false,
    latencyMs: 250,
    voice: auroraVoice,
    brush: 'landscape',
  },
];
