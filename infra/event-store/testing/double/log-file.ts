/**
 * The log on disk: one append-only file. A position is a record's offset in it, so positions grow
 * by the bytes between them. All appends that arrive while one write and fdatasync run are made
 * durable by the next one together.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { open, mkdir, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';

export interface LogFile {
  /** Where the next record will begin. */
  readonly end: number;
  /** How often the disk was asked to make the log durable. */
  readonly syncs: number;
  /** Resolves when these bytes, and all before them, survive a power cut. */
  append(bytes: Buffer): Promise<void>;
  read(offset: number, length: number): Buffer;
  close(): Promise<void>;
}

/** Bytes lately written, or lately read from the disk. */
interface Block {
  readonly offset: number;
  readonly bytes: Buffer;
}

interface Group {
  readonly parts: Buffer[];
  readonly durable: Promise<void>;
  readonly resolve: () => void;
}

/** What was lately written is read from memory: subscribers are mostly at the end. */
const TAIL_BYTES_MAX = 64 * 1024 * 1024;
const READ_BYTES = 256 * 1024;
const READ_BLOCKS_MAX = 32;
const SCAN_BYTES = 4 * 1024 * 1024;
/** No event lies at position 0: that is before the first one. */
const HEADER = Buffer.from('event store double, log 1\n'.padEnd(64, '.'));

/**
 * Opens the log. `load` is given the file's bytes in order and says how many of them are whole
 * appends; the rest is a torn tail, and is cut.
 */
export async function openLogFile(
  path: string,
  load: (bytes: Buffer, offset: number) => number,
): Promise<LogFile> {
  await mkdir(dirname(path), { recursive: true });
  const file = await open(path, 'a+');
  await beginLog(file, path);
  let end = await scan(file, load);
  await file.truncate(end);
  await file.datasync();

  const descriptor = openSync(path, 'r');
  let durableEnd = end;
  const blocks = openBlocks(descriptor, end, () => durableEnd);
  let group: Group | undefined;
  let isFlushing = false;
  let syncs = 0;

  const flush = async () => {
    // One turn of the loop lets everything that arrived together be written together.
    await new Promise((resolve) => setImmediate(resolve));
    while (group) {
      const { parts, resolve } = group;
      group = undefined;
      const bytes = Buffer.concat(parts);
      await writeAll(file, bytes);
      await file.datasync();
      durableEnd += bytes.length;
      syncs += 1;
      resolve();
    }
    isFlushing = false;
  };
  const dieWithoutDisk = (error: unknown) => {
    console.error('the log cannot be written', error);
    process.exit(1);
  };

  return {
    get end() {
      return end;
    },
    get syncs() {
      return syncs;
    },
    append: (bytes) => {
      group ??= openGroup();
      const { parts, durable } = group;
      parts.push(bytes);
      blocks.remember({ offset: end, bytes });
      end += bytes.length;
      if (!isFlushing) {
        isFlushing = true;
        flush().catch(dieWithoutDisk);
      }
      return durable;
    },
    read: blocks.read,
    close: async () => {
      await group?.durable;
      closeSync(descriptor);
      await file.close();
    },
  };
}

/** Throws rather than cut a file that is none of ours. */
async function beginLog(file: FileHandle, path: string): Promise<void> {
  const header = Buffer.alloc(HEADER.length);
  const { bytesRead } = await file.read(header, 0, header.length, 0);
  const found = header.subarray(0, bytesRead);
  if (!found.equals(HEADER.subarray(0, bytesRead)))
    throw new Error(`${path} is not a log of the event store double`);
  if (bytesRead < HEADER.length) await writeAll(file, HEADER.subarray(bytesRead));
}

/** The offset behind the last whole append. */
async function scan(file: FileHandle, load: (bytes: Buffer, offset: number) => number) {
  const { size } = await file.stat();
  let whole = HEADER.length;
  let wantedBytes = SCAN_BYTES;
  while (whole < size) {
    const bytes = Buffer.allocUnsafe(Math.min(wantedBytes, size - whole));
    const { bytesRead } = await file.read(bytes, 0, bytes.length, whole);
    const loaded = load(bytes.subarray(0, bytesRead), whole);
    if (loaded === 0 && whole + bytesRead >= size) break;
    // An append larger than what was read: look again, at more of it.
    wantedBytes = loaded === 0 ? wantedBytes * 2 : SCAN_BYTES;
    whole += loaded;
  }
  return whole;
}

async function writeAll(file: FileHandle, bytes: Buffer): Promise<void> {
  for (let written = 0; written < bytes.length;)
    written += (await file.write(bytes, written)).bytesWritten;
}

function openGroup(): Group {
  let resolve = () => {};
  const durable = new Promise<void>((done) => {
    resolve = done;
  });
  return { parts: [], durable, resolve };
}

function openBlocks(descriptor: number, start: number, durableEnd: () => number) {
  const tail: Block[] = [];
  let tailBytes = 0;
  let tailStart = start;
  const cold = new Map<number, Block>();

  const within = ({ offset, bytes }: Block, from: number, length: number) =>
    bytes.subarray(from - offset, from - offset + length);

  const readTail = (offset: number, length: number) => {
    let [low, high] = [0, tail.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((tail[middle]?.offset ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    const block = tail[low];
    if (!block) throw new Error(`nothing was written at ${offset}`);
    return within(block, offset, length);
  };

  const readDisk = (offset: number, length: number): Block => {
    const bytes = Buffer.allocUnsafe(length);
    return { offset, bytes: bytes.subarray(0, readSync(descriptor, bytes, 0, length, offset)) };
  };

  const readCold = (offset: number, length: number) => {
    const start = offset - (offset % READ_BYTES);
    if (offset + length > start + READ_BYTES || start + READ_BYTES > tailStart)
      return readDisk(offset, length).bytes;
    let block = cold.get(start);
    if (!block) {
      block = readDisk(start, READ_BYTES);
      cold.set(start, block);
      const [oldest] = cold.keys();
      if (cold.size > READ_BLOCKS_MAX && oldest !== undefined) cold.delete(oldest);
    }
    return within(block, offset, length);
  };

  return {
    remember: (block: Block) => {
      tail.push(block);
      tailBytes += block.bytes.length;
      if (tailBytes < TAIL_BYTES_MAX) return;
      // Half goes at once: shifting one by one would move the whole array each time. What is not
      // on the disk yet could not be read from there, and stays.
      const isOnDisk = ({ offset, bytes }: Block) => offset + bytes.length <= durableEnd();
      const older = tail.slice(0, tail.length >> 1).filter(isOnDisk);
      for (const { bytes } of tail.splice(0, older.length)) {
        tailBytes -= bytes.length;
        tailStart += bytes.length;
      }
    },
    read: (offset: number, length: number): Buffer =>
      offset >= tailStart ? readTail(offset, length) : readCold(offset, length),
  };
}
