/** What a process needs to hand out proofs: the log's name, its signing key, a fresh checkpoint. */
import { setTimeout as sleep } from 'node:timers/promises';
import { checkpointText } from '../../domain/proof/checkpoint.js';
import { openSigner, signNote, type NoteSigner } from '../../domain/proof/signed-note.js';
import { rootOf } from '../../domain/proof/tree.js';
import type { Position } from '../event-store/port.js';
import type { NewCheckpoint, ProofStore, StoredCheckpoint, TreeHead } from './port.js';

export interface SignedLog {
  /** Undefined before the log has an event in its tree. */
  signer(): Promise<NoteSigner | undefined>;
  newest(): Promise<StoredCheckpoint | undefined>;
  /**
   * The newest checkpoint, as soon as it has everything up to `position`, or when the time is up.
   * Undefined where there is none. One is signed for those who wait, as soon as the tree has it.
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

/** All who wait in a process look together, once in this time. */
const LOOK_MS = 50;
/** From one signature to the next that somebody waits for, of all processes together. */
const SIGNED_AGAIN_MS = 1_000;

export function openSignedLog({ proofs, checkpointKey }: SignedLogOptions): SignedLog {
  let known: NoteSigner | undefined;

  async function signer(): Promise<NoteSigner | undefined> {
    const origin = await proofs.origin();
    if (origin === undefined || known?.name === origin) return known;
    const opened = openSigner(origin, checkpointKey);
    await proofs.addVkey(origin, opened.vkey);
    return (known = opened);
  }

  async function newest(): Promise<StoredCheckpoint | undefined> {
    const origin = await proofs.origin();
    return origin === undefined ? undefined : proofs.newest(origin);
  }

  async function sign(head: TreeHead): Promise<void> {
    const by = await signer();
    if (by?.name === head.origin) await proofs.sign(head, checkpointOf(head, by), SIGNED_AGAIN_MS);
  }

  const looking = openLooking({ head: () => proofs.head(), newest, sign });

  return {
    signer,
    newest,
    async covering(position, waitMs, signal) {
      const endsAtMs = performance.now() + waitMs;
      let sizeWanted: number | undefined;
      for (;;) {
        const { head, checkpoint } = await looking.look(sizeWanted);
        if (head && head.position >= position) sizeWanted ??= head.edge.size;
        const isCovering =
          sizeWanted !== undefined && checkpoint !== undefined && checkpoint.size >= sizeWanted;
        if (isCovering || performance.now() >= endsAtMs || signal.aborted)
          return checkpoint && { checkpoint, isCovering };
      }
    },
  };
}

export function checkpointOf({ edge }: Pick<TreeHead, 'edge'>, by: NoteSigner): NewCheckpoint {
  const { name: origin, vkey } = by;
  const text = checkpointText({ origin, size: edge.size, root: rootOf(edge.peaks) });
  return { origin, vkey, note: signNote(text, by) };
}

interface Looked {
  readonly head: TreeHead | undefined;
  readonly checkpoint: StoredCheckpoint | undefined;
}

interface LookingOptions extends Pick<SignedLog, 'newest'> {
  readonly head: () => Promise<TreeHead | undefined>;
  readonly sign: (head: TreeHead) => Promise<void>;
}

function openLooking({ head, newest, sign }: LookingOptions) {
  let [largestWanted, lookedAtMs] = [0, -Infinity];
  let looking: Promise<Looked> | undefined;

  async function lookInTurn(): Promise<Looked> {
    await sleep(Math.max(0, lookedAtMs + LOOK_MS - performance.now()));
    lookedAtMs = performance.now();
    const found = { head: await head(), checkpoint: await newest() };
    if (!found.head || (found.checkpoint?.size ?? 0) >= largestWanted) return found;
    await sign(found.head);
    return { ...found, checkpoint: await newest() };
  }

  return {
    /** `sizeWanted`: somebody waits for a checkpoint of a tree that has come to that size. */
    look(sizeWanted = 0): Promise<Looked> {
      largestWanted = Math.max(largestWanted, sizeWanted);
      looking ??= lookInTurn().finally(() => (looking = undefined));
      return looking;
    },
  };
}
