/** Submissions of about 800 bytes, each under a key of its own, in turn for each tenant. */
import type { LoadRequest } from './load.js';
import type { Tenant } from './modelroute.js';

export interface Submissions {
  /** A submission that was never made before. */
  readonly fresh: () => LoadRequest;
  /** Makes an earlier one again, byte for byte. */
  readonly again: (n: number) => LoadRequest;
  /** How many were made. */
  readonly made: number;
}

const MODEL = 'text-generation-standard';
const BODY_BYTES = 800;

/** `label` keeps the idempotency keys of different users of one tenant apart. */
export function submissionsOf(tenants: readonly Tenant[], label: string): Submissions {
  const headers = tenants.map(({ apiKey }) => ({
    authorization: `Bearer ${apiKey}`,
    'content-type': 'application/json',
  }));
  let made = 0;
  const submission = (n: number): LoadRequest => ({
    method: 'POST',
    path: '/v1/executions',
    headers: { ...headers[n % headers.length], 'idempotency-key': `${label}-${n}` },
    body: bodyOf(n),
  });
  return {
    fresh: () => submission(made++),
    again: submission,
    get made() {
      return made;
    },
  };
}

/** A different prompt for each of many, so that no answer can be of a cache. */
function bodyOf(n: number): string {
  return (BODIES[n % BODIES.length] ??= textOf(n % BODIES.length));
}

const BODIES: (string | undefined)[] = new Array<undefined>(997).fill(undefined);

function textOf(n: number): string {
  const question = `Question ${n}: how do rivers find the sea? `;
  const body = (prompt: string) =>
    JSON.stringify({
      model: MODEL,
      input: { prompt, max_tokens: 32 },
      metadata: { order: `${n}` },
    });
  const filling = BODY_BYTES - body(question).length;
  return body(question + 'The water goes on and on. '.repeat(40).slice(0, filling));
}
