/** Of the ids that a tenant's route takes by its path; the path itself where nobody said. */
export const idKindOf = (path: string): string =>
  Object.entries(KINDS).find(([home]) => path.startsWith(home))?.[1] ?? path;

const KINDS = {
  '/executions/': 'exec',
  '/batches/': 'batch',
  '/files/': 'file',
  '/webhooks/deliveries/': 'dlv',
  '/webhooks/endpoints/': 'we',
  '/api-keys/': 'key',
};
