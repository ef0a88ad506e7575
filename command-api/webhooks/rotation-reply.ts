/** What is answered to the rotation of a secret, or to its repetition. */
import type { AskedUnderKey } from '../../contracts/events/webhook-endpoint.js';
import {
  overlapEnd,
  type Event,
  type Rejection,
  type State,
} from '../../domain/webhook-endpoint/webhook-endpoint.js';
import {
  signingBeside,
  type SigningSecret,
} from '../../domain/webhook-endpoint/webhook-settings.js';
import type { Transacted } from '../../command-handling/repository.js';
import { Refusal, type Reply } from '../../http/server/route.js';
import { refused } from '../refusals.js';
import { firstAnswer, REPLAYED } from './asked-under-key.js';

export const ROTATION_HEADERS = {
  'Idempotency-Key':
    'Optional; a repeat gets the same secret again, with `Idempotency-Replayed: true`, and ' +
    'nothing is rotated a second time.',
} as const;

interface Rotation {
  readonly askedUnderKey?: AskedUnderKey;
  /** As it is now; undefined of an endpoint that does not exist. */
  readonly secret: SigningSecret | undefined;
  readonly at: string;
}

/** `shown` has the secret of a generation. */
export function rotationReply(
  rotated: Transacted<State, Event, Rejection>,
  { askedUnderKey, secret, at }: Rotation,
  shown: (generation: number) => { readonly secret: string },
): Reply | Refusal {
  if (rotated.outcome === 'rejected')
    return rotated.reason === 'TooManySecrets' && secret
      ? tooMany(secret, at)
      : refused(rotated.reason);
  if (rotated.outcome === 'accepted' && secret)
    return { status: 200, body: bodyOf(shown, secret.generation, at) };
  if (!askedUnderKey) throw new Error('a secret was rotated, and is not there');
  const first = firstAnswer(rotated.state, askedUnderKey);
  return { status: 200, headers: REPLAYED, body: bodyOf(shown, first.generation, first.at) };
}

const bodyOf = (
  shown: (generation: number) => { readonly secret: string },
  generation: number,
  at: string,
) => ({ ...shown(generation), previous_secret_valid_until: overlapEnd(at) });

/** Says when the oldest of those that sign ends. */
function tooMany(secret: SigningSecret, at: string): Refusal {
  const oldest = signingBeside(secret, at).at(-1);
  const seconds = oldest ? Math.ceil((Date.parse(oldest.until) - Date.parse(at)) / 1000) : 0;
  const { code, message } = refused('TooManySecrets');
  return new Refusal(code, message, undefined, { 'retry-after': String(Math.max(1, seconds)) });
}
