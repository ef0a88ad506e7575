/** A base path that names a version (`/v1`, `/v1beta/openai`) stays; otherwise `/v1` is added. */
import type { Provider } from '../contracts/catalogue/catalogue.js';

export const apiPath = ({ baseUrl }: Provider, path: string): string =>
  /\/v\d/.test(new URL(baseUrl).pathname) ? path : `/v1${path}`;
