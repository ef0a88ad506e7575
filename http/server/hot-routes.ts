/**
 * Finds the hot route of a request without a router: a literal path by one look-up, a path with one
 * parameter by its text before and after. What is in any way unusual (an escape, a doubled or
 * trailing slash, another method) is left to Express, which decides the same for plain paths.
 */
import { parametersOf, type Endpoint } from './endpoint.js';

interface HotMatch {
  readonly endpoint: Endpoint;
  readonly params: Readonly<Record<string, string>>;
}

export type HotRoutes = (method: string, url: string) => HotMatch | undefined;

interface OneParameter {
  readonly endpoint: Endpoint;
  readonly method: string;
  readonly name: string;
  readonly before: string;
  readonly after: string;
}

const NO_PARAMS: Readonly<Record<string, string>> = Object.freeze({});
const plain = /^[A-Za-z0-9_.-]+$/;

export function hotRoutes(endpoints: readonly Endpoint[]): HotRoutes {
  const literals = new Map<string, HotMatch | undefined>();
  const withParameter: OneParameter[] = [];
  for (const endpoint of endpoints)
    for (const path of endpoint.paths) {
      const { method, hot = false } = endpoint.route;
      const [name, ...more] = parametersOf(path);
      if (name === undefined)
        literals.set(`${method} ${path}`, hot ? { endpoint, params: NO_PARAMS } : undefined);
      else if (hot && more.length === 0) {
        const [before = '', after = ''] = path.split(`{${name}}`);
        withParameter.push({ endpoint, method, name, before, after });
      }
    }
  return (method, url) => {
    const mark = url.indexOf('?');
    const path = mark < 0 ? url : url.slice(0, mark);
    const key = `${method} ${path}`;
    const literal = literals.get(key);
    if (literal || literals.has(key)) return literal;
    for (const route of withParameter) {
      const value = route.method === method ? parameterIn(path, route) : undefined;
      if (value !== undefined) return { endpoint: route.endpoint, params: { [route.name]: value } };
    }
    return undefined;
  };
}

function parameterIn(path: string, { before, after }: OneParameter): string | undefined {
  if (!path.startsWith(before) || !path.endsWith(after)) return undefined;
  const value = path.slice(before.length, path.length - after.length);
  return plain.test(value) ? value : undefined;
}
