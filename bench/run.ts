/**
 * `make bench`: compiles what is there now and hands over to the compiled measure.ts (or, asked for
 * a `profile`, to profile.ts), so that the load generator, the baselines and the system all run the
 * way that is shipped.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { endWithUs } from '../testing/dead-man.js';
import { build } from './build.js';

const program = process.argv[2] === 'profile' ? 'profile.js' : 'measure.js';
const out = await build();
const measuring = spawn(process.execPath, [join(out, 'bench', program)], { stdio: 'inherit' });
const endWatch = endWithUs(measuring.pid ?? 0);
// Ctrl-C reaches the whole group: the child closes what it started, and we only wait for it.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => measuring.kill('SIGTERM'));
const [code] = (await once(measuring, 'exit')) as [number | null];
endWatch();
process.exitCode = code ?? 1;
