/** The figures of all replicas on one page, each sample with the name of its replica. */
import { request } from 'undici';
import type { Reply } from '../../../http/server/route.js';
import type { Replica } from './backends.js';

const TIMEOUT_MS = 2_000;

/** `authorization` is the caller's: each replica decides about it. */
export async function mergedMetrics(
  replicas: readonly Replica[],
  authorization: string | undefined,
): Promise<Reply> {
  const pages = await Promise.all(
    replicas.map(async (replica) => ({ replica, ...(await pageOf(replica, authorization)) })),
  );
  if (pages.some(({ status }) => status === 401))
    return { status: 401, headers: { 'www-authenticate': 'Bearer' } };
  const families = new Map<string, Family>();
  for (const { replica, text } of pages) addPage(families, replica.name, text);
  const raw = [...families.values()].map(({ about, samples }) => [...about, ...samples].join('\n'));
  const headers = { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' };
  return { status: 200, headers, raw: `${raw.join('\n')}\n` };
}

/** What is said of a metric, once, and its samples from everywhere: they must stand together. */
interface Family {
  readonly about: string[];
  readonly samples: string[];
}

interface Page {
  readonly status: number;
  readonly text: string;
}

/** Nothing of one that does not answer: its absence is the figure. */
async function pageOf({ address }: Replica, authorization: string | undefined): Promise<Page> {
  const nothing = { status: 503, text: '' };
  if (!address) return nothing;
  const timeouts = { headersTimeout: TIMEOUT_MS, bodyTimeout: TIMEOUT_MS };
  const headers = { ...(authorization !== undefined && { authorization }) };
  try {
    const { statusCode: status, body } = await request(`${address}/metrics`, {
      ...timeouts,
      headers,
    });
    const text = await body.text();
    return { status, text: status === 200 ? text : '' };
  } catch {
    return nothing;
  }
}

function addPage(families: Map<string, Family>, replica: string, text: string): void {
  let family: Family = { about: [], samples: [] };
  for (const line of text.split('\n')) {
    const [, kind, name = ''] = /^# (HELP|TYPE) (\S+)/.exec(line) ?? [];
    if (kind === 'HELP') {
      family = families.get(name) ?? { about: [], samples: [] };
      families.set(name, family);
    }
    if (kind && !family.about.includes(line)) family.about.push(line);
    if (line !== '' && !line.startsWith('#')) family.samples.push(withReplica(line, replica));
  }
}

function withReplica(sample: string, replica: string): string {
  const [, name = '', labels, value = ''] = /^([^\s{]+)(?:\{(.*)\})?( .*)$/.exec(sample) ?? [];
  return `${name}{replica="${replica}"${labels ? `,${labels}` : ''}}${value}`;
}
