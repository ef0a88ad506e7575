/** The providers that the sandbox plays. Both speak OpenAI's wire format, each in its own way. */
import { type Brush } from './pictures.js';
import { type Voice } from './prose.js';
import { auroraVoice, borealisVoice } from './voices.js';

export interface Personality {
  readonly name: string;
  /** Whether a repeated `Idempotency-Key` answers the original result again, unpaid. */
  readonly honoursIdempotencyKey: boolean;
  readonly latencyMs: number;
  readonly voice: Voice;
  readonly brush: Brush;
}

export const personalities: readonly Personality[] = [
  {
    name: 'aurora',
    honoursIdempotencyKey: true,
    latencyMs: 200,
    voice: auroraVoice,
    brush: 'landscape',
  },
  {
    name: 'borealis',
    honoursIdempotencyKey: false,
    latencyMs: 300,
    voice: borealisVoice,
    brush: 'currents',
  },
];
