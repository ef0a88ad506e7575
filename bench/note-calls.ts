/**
 * Loaded into a system before it starts (`--import`, with the file to write in its query): notes
 * the calls of its store and whose code makes them, and writes them when the process ends.
 */
import { subscribe } from 'node:diagnostics_channel';
import { writeFileSync } from 'node:fs';
import { STORE_CALLS, type StoreCall } from '../infra/event-store/store-calls.js';
import { stepOf, type NotedCall } from './store-steps.js';

const file = new URL(import.meta.url).searchParams.get('file');
const noted: (NotedCall & { toMs: number })[] = [];
const nowMs = () => performance.timeOrigin + performance.now();

/** Frames of what waits for the call are those behind it. */
Error.stackTraceLimit = 50;

subscribe(STORE_CALLS, (message) => {
  const { kind, about, ended } = message as StoreCall;
  const step = stepOf(kind, about, new Error().stack ?? '');
  const call = { kind, about, step, fromMs: nowMs(), toMs: Infinity };
  noted.push(call);
  const end = () => (call.toMs = nowMs());
  ended.then(end, end);
});
process.once('exit', () => writeFileSync(file ?? '', JSON.stringify(noted)));
