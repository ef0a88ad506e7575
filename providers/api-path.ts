/**
 * Where a vendor's API is below a base URL. A base path that names a version (`/v1`,
 * `/v1beta/openai`) or a deployment (Azure's `/openai/deployments/NAME`) stays as it is, as does
 * one of which the catalogue says so; to any other the vendor's version is added.
 */
import type { Provider } from '../contracts/catalogue/catalogue.js';

export function apiPath(provider: Provider, path: string, version = '/v1'): string {
  const { baseUrl, isBaseUrlWhole = false } = provider;
  if (isBaseUrlWhole) return path;
  return /\/v\d|\/deployments\/[^/]/.test(new URL(baseUrl).pathname) ? path : `${version}${path}`;
}
