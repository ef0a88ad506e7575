/** Where a webhook delivery spends its time: the load of R10 under V8's profiler. */
import type { SandboxConfig } from './baselines/sandbox.js';
import { startDeliveries, startReceiver } from './cells/deliveries.js';
import { startPart } from './children.js';
import { cpuTimes, used } from './cpu-times.js';
import type { Databases } from './database.js';
import { withDefer } from './defer.js';
import { profileIn, type Profiled } from './profile-section.js';

const WARM_UP_SECONDS = 3;

export async function profiledDeliveries(databases: Databases, seconds: number): Promise<Profiled> {
  const opened = await withDefer(async (defer) => {
    const config: SandboxConfig = { dir: await databases.folder('sandbox'), latency: 0 };
    const sandbox = await startPart<string, never, null>('baselines/sandbox.js', config);
    defer(() => sandbox.stop());
    const receiver = await startReceiver(defer);
    const databaseUrl = await databases.fresh('profile_deliveries');
    const folder = await databases.folder('profile');
    const nodeArgs = ['--cpu-prof', `--cpu-prof-dir=${folder}`];
    const place = { databaseUrl, sandboxUrl: sandbox.ready, receiver, nodeArgs };
    const deliveries = await startDeliveries(databases, place, defer);
    await deliveries.run(WARM_UP_SECONDS);
    const ours = {
      ModelRoute: deliveries.pid,
      receiver: receiver.pid,
      'load generator': process.pid,
    };
    const before = await cpuTimes(ours, databaseUrl);
    const began = performance.now();
    const run = await deliveries.run(seconds);
    const ended = performance.now();
    const cpuMs = used(before, await cpuTimes(ours, databaseUrl));
    await deliveries.stop();
    const untilUs = (performance.now() - ended) * 1000;
    return {
      title: 'Webhook deliveries, all roles in one process',
      unit: 'delivery',
      by: 'one organization, 50 endpoints',
      profile: await profileIn(folder),
      count: run.due,
      seconds: (ended - began) / 1000,
      lastUs: (ended - began) * 1000,
      untilUs,
      cpuMs,
    };
  });
  await opened.close();
  return opened;
}
