/** `modelroute serve`: the process, its signals and its exit code. */
import { configFrom } from '../../infra/config/config.js';
import type { Environment } from '../../infra/config/environment-file.js';

/**
 * A signal to a process group arrives twice where `make` is in the group, for it passes on what it
 * was sent itself; what comes this soon is the same wish.
 */
const SAME_WISH_MS = 300;

/**
 * The first SIGTERM or SIGINT drains and exits 0; a second one exits at once. Throws `StartError`
 * when the process cannot start.
 */
export async function serveCommand(env: Environment): Promise<void> {
  const stop = new AbortController();
  let firstAtMs = 0;
  const onSignal = () => {
    if (!stop.signal.aborted) firstAtMs = performance.now();
    else if (performance.now() - firstAtMs > SAME_WISH_MS) process.exit(130);
    stop.abort();
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  const config = configFrom(env);
  // Loaded once it is known how: what is wrong with the configuration is said at once.
  const { serve } = await import('./serve.js');
  await serve(config, stop.signal);
  // What still holds the event loop (a provider's idle socket) is of no use any more.
  process.exit(0);
}
