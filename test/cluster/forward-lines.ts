/** What parts say, in the cluster's own log and under their names. */
import type { Log } from '../../infra/logger.js';

export function forwardLines(log: Log): (name: string, line: string) => void {
  if (process.stdout.isTTY) return (name, line) => sayAgain(log, name, line);
  return (name, line) => {
    if (isOurs(line)) process.stdout.write(`${line.slice(0, -1)},"process":"${name}"}\n`);
    else if (line.trim() !== '') log.info({ process: name }, line);
  };
}

/** Lines of our own log need not be read and written again. */
const isOurs = (line: string): boolean => line.startsWith('{"level":"') && line.endsWith('}');

function sayAgain(log: Log, name: string, line: string): void {
  if (!isOurs(line)) return log.info({ process: name }, line);
  const { level, time: _, msg, ...rest } = JSON.parse(line) as Record<string, unknown>;
  if (level !== 'debug' && level !== 'info' && level !== 'warn' && level !== 'error') return;
  log[level]({ process: name, ...rest }, String(msg));
}
