/** Logs: JSON on stdout when it is not a terminal, short readable lines when it is. */
import { pino, type Logger } from 'pino';

export type Log = Logger;

/** Names under which a secret might slip into a log line. */
const SECRET_PATHS = ['authorization', 'secret', 'key', 'password'].flatMap((name) => [
  name,
  `*.${name}`,
]);

export function openLog(level: string, terminal: boolean): Log {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: SECRET_PATHS, censor: '[redacted]' },
  };
  if (!terminal) return pino(options, gathered());
  return pino(options, { write: (line: string) => void process.stdout.write(readable(line)) });
}

/** Lines wait for this long for one another, so that a busy process writes many at once. */
const GATHER_MS = 50;
const GATHER_BYTES = 4096;

/** An orderly end loses no line; `kill -9` may lose those of the last moment. */
function gathered() {
  const stdout = pino.destination({ fd: 1, sync: true, minLength: GATHER_BYTES });
  let flushing: NodeJS.Timeout | undefined;
  const flush = () => {
    flushing = undefined;
    stdout.flush();
  };
  process.on('exit', () => stdout.flushSync());
  return {
    write: (line: string) => {
      stdout.write(line);
      flushing ??= setTimeout(flush, GATHER_MS).unref();
    },
  };
}

/** `10:31:07 info  message  name=value …` */
function readable(line: string): string {
  const { level, time, msg, err, ...rest } = JSON.parse(line) as Record<string, unknown>;
  const clock = String(time).slice(11, 19);
  const fields = Object.entries(rest)
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ');
  const trouble = err ? `\n  ${String((err as { message?: string }).message)}` : '';
  return `${clock} ${String(level).padEnd(5)} ${String(msg)}${fields && `  ${fields}`}${trouble}\n`;
}
