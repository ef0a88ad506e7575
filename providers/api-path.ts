/** A base path that names a version (`/v1`, `/v1beta/openai`) stays; otherwise it is added. */
import type { Provider } from '../contracts/catalogue/catalogue.js';

export const apiPath = ({ baseUrl }: Provider, path: string, version = '/v1'): string =>
  /\/v\d/.test(new URL(baseUrl).pathname) ? path : `${version}${path}`;
