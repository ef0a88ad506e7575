/** A server that others' code starts and ends, kept alive as a part is. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { identify } from '../../infra/postgres/process.js';
import type { Surroundings } from './part.js';

export interface Server {
  readonly pid: number;
  /** Starts the ended server again where it was; rejects when it cannot be. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

const LOOK_EVERY_MS = 200;
const PAUSE_MS = 1_000;

export function keepServerAlive(
  name: string,
  server: Server,
  { pidFiles, holdsDir, log }: Surroundings,
): { stop(): Promise<void> } {
  const ending = new AbortController();
  const { signal } = ending;
  const pause = (ms: number) => sleep(ms, undefined, { signal }).catch(() => undefined);
  const isHeld = () => existsSync(join(holdsDir, name));
  const watching = watch();

  async function watch(): Promise<void> {
    pidFiles.write(name, server.pid);
    while (!signal.aborted) {
      await pause(LOOK_EVERY_MS);
      if (signal.aborted || isHeld() || (await identify(server.pid))) continue;
      log.warn({ process: name }, `${name} has ended by itself; starting it again`);
      try {
        await server.restart();
        pidFiles.write(name, server.pid);
      } catch (err) {
        log.warn({ process: name, err }, `${name} cannot be started again yet`);
        await pause(PAUSE_MS);
      }
    }
  }

  return {
    async stop() {
      ending.abort();
      await watching;
      if (await identify(server.pid)) await server.stop();
      pidFiles.remove(name);
    },
  };
}
