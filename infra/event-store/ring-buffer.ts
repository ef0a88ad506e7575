/** The newest rows of the log, bounded in number and size. */
import type { DecodedRow } from './decoded-rows.js';
import { START, type Position } from './port.js';

interface RingBuffer {
  readonly isOpen: boolean;
  /** Every event behind the floor, up to the head, is among the rows. */
  readonly rows: readonly DecodedRow[];
  readonly head: Position;
  /** Whether everything behind a position is here. */
  covers(position: Position): boolean;
  open(head: Position): void;
  close(): void;
  push(decoded: DecodedRow): void;
  /** The head is further on, and no row lies between. */
  reach(head: Position): void;
}

const EVENTS_MAX = 16_384;
const CHARS_MAX = 32 * 1024 * 1024;
/** So many rows are dropped at a time, which makes moving the rest rare. */
const DROPPED = EVENTS_MAX / 8;

export function createRingBuffer(): RingBuffer {
  const rows: DecodedRow[] = [];
  let isOpen = false;
  let floor = START;
  let head = START;
  let chars = 0;

  function reset(opens: boolean, at: Position): void {
    rows.length = 0;
    isOpen = opens;
    floor = at;
    head = at;
    chars = 0;
  }

  return {
    rows,
    get isOpen() {
      return isOpen;
    },
    get head() {
      return head;
    },
    covers: (position) => isOpen && position >= floor,
    open: (at) => reset(true, at),
    close: () => reset(false, START),
    reach(position) {
      head = position;
    },
    push(decoded) {
      rows.push(decoded);
      head = decoded.row.position;
      chars += charsOf(decoded);
      while (rows.length > EVENTS_MAX || chars > CHARS_MAX) {
        for (const dropped of rows.splice(0, DROPPED)) {
          floor = dropped.row.position;
          chars -= charsOf(dropped);
        }
      }
    },
  };
}

const charsOf = ({ row }: DecodedRow): number => row.data.length + row.metadata.length;
