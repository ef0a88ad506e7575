/** What a process needs to hand out proofs: the log's name, its signing key, a fresh checkpoint. */
import { openSigner, type NoteSigner } from '../../domain/proof/signed-note.js';
import { pause } from '../concurrency/pause.js';
import type { Position } from '../event-store/port.js';
import type { ProofStore, StoredCheckpoint } from './port.js';

export interface SignedLog {
  /** Undefined before the log has an event in its tree. */
  signer(): Promise<NoteSigner | undefined>;
  /**
   * The newest checkpoint, as soon as it has everything up to `position`, or when the time is up.
   * Undefined where there is none.
   */
  covering(position: Position, waitMs: number, signal: AbortSignal): Promise<Covering | undefined>;
}

interface Covering {
  readonly checkpoint: StoredCheckpoint;
  /** False: it lacks some of it. */
  readonly isCovering: boolean;
}

interface SignedLogOptions {
  readonly proofs: ProofStore;
  /** The 32 bytes of the private key. */
  readonly checkpointKey: Buffer;
}

const LOOK_MS = 200;

export function openSignedLog({ proofs, checkpointKey }: SignedLogOptions): SignedLog {
  let known: NoteSigner | undefined;

  async function signer(): Promise<NoteSigner | undefined> {
    const origin = await proofs.origin();
    if (origin === undefined || known?.name === origin) return known;
    const opened = openSigner(origin, checkpointKey);
    await proofs.addVkey(origin, opened.vkey);
    return (known = opened);
  }

  return {
    signer,
    async covering(position, waitMs, signal) {
      const endsAtMs = performance.now() + waitMs;
      let sizeWanted: number | undefined;
      for (;;) {
        const tree = sizeWanted === undefined ? await proofs.tree() : undefined;
        if (tree && tree.position >= position) sizeWanted = tree.edge.size;
        const origin = await proofs.origin();
        const checkpoint = origin === undefined ? undefined : await proofs.newest(origin);
        const isCovering =
          sizeWanted !== undefined && checkpoint !== undefined && checkpoint.size >= sizeWanted;
        if (isCovering || performance.now() >= endsAtMs || signal.aborted)
          return checkpoint && { checkpoint, isCovering };
        await pause(LOOK_MS, signal);
      }
    },
  };
}
