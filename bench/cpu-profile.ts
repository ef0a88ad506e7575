/** A V8 CPU profile, summed up by where the code comes from. */

interface CallFrame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
}

export interface CpuProfile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: CallFrame }[];
  /** Microseconds. */
  readonly endTime: number;
  readonly startTime: number;
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

interface SelfTimes {
  /** Microseconds of self time, the most first. */
  readonly byGroup: ReadonlyMap<string, number>;
  readonly byFunction: ReadonlyMap<string, number>;
  readonly busyUs: number;
}

/** Self time of the last `lastUs` microseconds up to `untilUs` before the end, without idling. */
export function selfTimes(profile: CpuProfile, lastUs: number, untilUs: number): SelfTimes {
  const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]));
  const to = profile.endTime - untilUs;
  const from = to - lastUs;
  const byGroup = new Map<string, number>();
  const byFunction = new Map<string, number>();
  let busyUs = 0;
  let at = profile.startTime;
  profile.samples.forEach((id, index) => {
    const delta = profile.timeDeltas[index] ?? 0;
    at += delta;
    const frame = frames.get(id);
    if (!frame || at < from || at > to || frame.functionName === '(idle)') return;
    busyUs += delta;
    const group = groupOf(frame);
    add(byGroup, group, delta);
    add(byFunction, `${frame.functionName || '(anonymous)'} in ${group}`, delta);
  });
  return { byGroup: sorted(byGroup), byFunction: sorted(byFunction), busyUs };
}

/** Our folders by their own names, packages by theirs, and node by its large parts. */
export function groupOf({ functionName, url }: CallFrame): string {
  if (functionName === '(garbage collector)') return 'garbage collection';
  if (functionName === '(program)') return 'node and V8, native';
  if (url === '')
    return /^validate\d+$/.test(functionName) ? 'ajv, compiled schemas' : 'V8 built-ins';
  if (url.startsWith('node:')) return nodePart(url);
  const npm = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1];
  if (npm !== undefined) return FAMILIES[npm] ?? npm;
  const path = /\/build\/(.+)\.js$/.exec(url)?.[1] ?? url;
  const folders = path.split('/').slice(0, -1);
  return folders.slice(0, 2).join('/');
}

function nodePart(url: string): string {
  if (/_http|internal\/http|http\b/.test(url)) return 'node http';
  if (/stream|net\b|internal\/stream_base/.test(url)) return 'node net and streams';
  if (/crypto/.test(url)) return 'node crypto';
  if (/timers|process|async_hooks|event/.test(url)) return 'node events, timers and promises';
  if (/buffer|string_decoder/.test(url)) return 'node buffers';
  return 'node, the rest';
}

/** Packages that belong to one that people know. */
const FAMILIES: Readonly<Record<string, string>> = {
  'pg-pool': 'pg',
  'pg-protocol': 'pg',
  'pg-types': 'pg',
  'postgres-array': 'pg',
  'sonic-boom': 'pino',
  'fast-redact': 'pino',
  'quick-format-unescaped': 'pino',
  'safe-stable-stringify': 'pino',
};

function add(times: Map<string, number>, name: string, us: number): void {
  times.set(name, (times.get(name) ?? 0) + us);
}

const sorted = (times: ReadonlyMap<string, number>): Map<string, number> =>
  new Map([...times].sort(([, a], [, b]) => b - a));
