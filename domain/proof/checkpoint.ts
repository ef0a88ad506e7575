/** Checkpoints (C2SP tlog-checkpoint): what a log vouches for, in the text of a signed note. */
import { derivedUuid } from '../../contracts/ids.js';
import { hashFromBase64, hashToBase64, type TreeHash } from './hashes.js';

export interface Checkpoint {
  /** Names the log. */
  readonly origin: string;
  readonly size: number;
  readonly root: TreeHash;
}

export const checkpointText = ({ origin, size, root }: Checkpoint): string =>
  `${origin}\n${size}\n${hashToBase64(root)}\n`;

/** Undefined for a text that is no checkpoint. Lines behind the third are extensions. */
export function parseCheckpoint(text: string): Checkpoint | undefined {
  const [origin = '', digits = '', base64 = '', ...rest] = text.split('\n');
  const root = hashFromBase64(base64);
  if (origin === '' || !/^(0|[1-9]\d{0,15})$/.test(digits) || root === undefined) return undefined;
  if (rest.at(-1) !== '' || rest.slice(0, -1).includes('')) return undefined;
  const size = Number(digits);
  return Number.isSafeInteger(size) ? { origin, size, root } : undefined;
}

/** Of the log that begins with the event of this id: the log keeps it wherever it is moved. */
export const originOfLog = (firstEventId: string): string =>
  `modelroute/log/${derivedUuid(`log/${firstEventId}`)}`;
