/**
 * How long a server keeps a connection that nobody uses, as it shows by what it does: its promises
 * (`Keep-Alive: timeout`) may be broken by a gateway in between, and not every server makes any.
 *
 *   unproven ──► proven: an idle connection lived for PROOF_MS or longer
 *   proven   ──► a connection is used again after at most half of what one has lived
 *   closed by the server after a rest: at most half of that rest from then on, for a while
 *
 * So a server that closes each connection a moment after its answer is never asked on a kept one.
 */

/** Below it a server may be one that closes after each answer. */
const PROOF_MS = 250;
/** Then it may have been configured anew. */
const CLOSED_FOR_MS = 600_000;

export class KeptTime {
  private livedMs = 0;
  private closedAfterMs = Infinity;
  private forgetAtMs = 0;

  /** An idle connection is still there after such a rest. */
  lived(restMs: number): void {
    this.livedMs = Math.max(this.livedMs, restMs);
  }

  /** The server closed an idle connection after such a rest. */
  closed(restMs: number, nowMs: number): void {
    if (nowMs >= this.forgetAtMs || restMs < this.closedAfterMs) this.closedAfterMs = restMs;
    this.forgetAtMs = nowMs + CLOSED_FOR_MS;
  }

  mayServe(restMs: number, nowMs: number): boolean {
    if (nowMs >= this.forgetAtMs) this.closedAfterMs = Infinity;
    const keptMs = Math.min(this.livedMs, this.closedAfterMs);
    return keptMs >= PROOF_MS && restMs <= keptMs / 2;
  }
}
