/**
 * Baseline of R15: the service that Restate calls. Its one handler makes the same call to the same
 * provider as the other side, as a journaled step, and returns what the provider answered, which
 * Restate keeps for whoever asks.
 */
import { createServer, type AddressInfo } from 'node:net';
import { Pool } from 'undici';
import { servePart } from './part.js';

export interface RestateServiceConfig {
  /** The module of the SDK. */
  readonly sdk: string;
  readonly sandboxUrl: string;
  readonly concurrency: number;
  readonly providerModel: string;
}

/** Answered once so many handlers have returned since the service was started. */
export interface RestateServiceAsk {
  readonly returned: number;
}

interface Input {
  readonly input: { readonly prompt: string; readonly max_tokens: number };
}

/** What is used of the SDK, whose types are not installed with us. */
interface RestateContext {
  readonly rand: { uuidv4(): string };
  run<T>(name: string, step: () => Promise<T>): Promise<T>;
}

interface RestateSdk {
  service(definition: {
    readonly name: string;
    readonly handlers: Record<string, (context: RestateContext, input: Input) => Promise<unknown>>;
  }): unknown;
  serve(options: { readonly services: unknown[]; readonly port: number }): Promise<number>;
}

servePart<RestateServiceConfig, string, RestateServiceAsk, null>(async (config) => {
  const restate = await loadSdk(config.sdk);
  const provider = new Pool(config.sandboxUrl, { connections: config.concurrency, pipelining: 1 });
  const waiting = new Set<() => void>();
  let returned = 0;
  const execution = restate.service({
    name: 'execution',
    handlers: {
      run: async (context, { input }) => {
        const key = context.rand.uuidv4();
        const output = await context.run('provider', () => call(provider, config, key, input));
        returned += 1;
        for (const look of waiting) look();
        return { output };
      },
    },
  });
  const port = await freePort();
  await restate.serve({ services: [execution], port });
  return {
    ready: `http://127.0.0.1:${port}`,
    answer: ({ returned: wanted }) =>
      new Promise<null>((resolve) => {
        const look = () => {
          if (returned < wanted) return;
          waiting.delete(look);
          resolve(null);
        };
        waiting.add(look);
        look();
      }),
    close: () => provider.close(),
  };
});

/** The SDK is written for newer versions of Node, of which it uses this one function. */
async function loadSdk(module: string): Promise<RestateSdk> {
  const promises = Promise as { withResolvers?: unknown };
  promises.withResolvers ??= () => {
    let resolve: unknown;
    let reject: unknown;
    const promise = new Promise((accept, refuse) => {
      resolve = accept;
      reject = refuse;
    });
    return { promise, resolve, reject };
  };
  // It would log a line for each start and end of an invocation.
  process.env['RESTATE_LOGGING'] = 'ERROR';
  return (await import(module)) as RestateSdk;
}

async function call(
  provider: Pool,
  { providerModel }: RestateServiceConfig,
  key: string,
  { prompt, ...rest }: Input['input'],
): Promise<string> {
  const answer = await provider.request({
    method: 'POST',
    path: '/aurora/v1/chat/completions',
    headers: {
      'content-type': 'application/json',
      authorization: 'Bearer none',
      'idempotency-key': key,
    },
    body: JSON.stringify({
      ...rest,
      model: providerModel,
      messages: [{ role: 'user', content: prompt }],
    }),
  });
  const text = await answer.body.text();
  if (answer.statusCode !== 200) throw new Error(`the provider answered ${answer.statusCode}`);
  const { choices } = JSON.parse(text) as { choices: [{ message: { content: string } }] };
  return choices[0].message.content;
}

/** The SDK does not tell which port it took for 0. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
