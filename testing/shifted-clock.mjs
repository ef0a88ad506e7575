/**
 * Loaded into a process of ours with `--import`: its wall clock is ahead by so many milliseconds as
 * the file that SPEC_CLOCK_FILE names says, read again at SIGUSR2. Clocks of others, the database's
 * included, and the monotonic one are what they are.
 */
import { readFileSync } from 'node:fs';

const RealDate = Date;
const file = process.env.SPEC_CLOCK_FILE;
let aheadMs = 0;

function read() {
  if (file) aheadMs = Number(readFileSync(file, 'utf8'));
}

globalThis.Date = class Date extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(RealDate.now() + aheadMs);
    else super(...args);
  }

  static now() {
    return RealDate.now() + aheadMs;
  }
};

read();
process.on('SIGUSR2', read);
