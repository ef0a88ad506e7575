/** The newest entries of the log, bounded in number and size. */
import type { Entry } from './entries.js';
import { START, type Position } from './port.js';

interface Ring {
  readonly open: boolean;
  /** Every event behind the floor, up to the head, is among the entries. */
  readonly entries: readonly Entry[];
  readonly head: Position;
  /** Whether everything behind a position is here. */
  covers(position: Position): boolean;
  start(head: Position): void;
  stop(): void;
  push(entry: Entry): void;
}

const EVENTS_MAX = 16_384;
const CHARS_MAX = 32 * 1024 * 1024;
/** Entries dropped at a time: moving the rest is then rare. */
const DROPPED = EVENTS_MAX / 8;

export function createRing(): Ring {
  const entries: Entry[] = [];
  let open = false;
  let floor = START;
  let head = START;
  let chars = 0;

  function reset(isOpen: boolean, at: Position): void {
    entries.length = 0;
    [open, floor, head, chars] = [isOpen, at, at, 0];
  }

  return {
    entries,
    get open() {
      return open;
    },
    get head() {
      return head;
    },
    covers: (position) => open && position >= floor,
    start: (at) => reset(true, at),
    stop: () => reset(false, START),
    push(entry) {
      entries.push(entry);
      head = entry.row.position;
      chars += charsOf(entry);
      while (entries.length > EVENTS_MAX || chars > CHARS_MAX) {
        for (const dropped of entries.splice(0, DROPPED)) {
          floor = dropped.row.position;
          chars -= charsOf(dropped);
        }
      }
    },
  };
}

const charsOf = ({ row }: Entry): number => row.data.length + row.metadata.length;
