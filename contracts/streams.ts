/** Streams: `<category>-<id>`; the category is camelCase without a hyphen. */
export type Category =
  | 'account'
  | 'movement'
  | 'execution'
  | 'attempt'
  | 'erasure'
  | 'batch'
  | 'organization'
  | 'apiKey'
  | 'file'
  | 'delivery'
  | 'webhookEndpoint'
  | 'webhookDirectory'
  | 'webhookTest'
  | 'webhookRecovery'
  | 'catalogue'
  | 'provider'
  | 'operators'
  | 'operation';

export type StreamName = `${Category}-${string}`;

export const streamOf = (category: Category, id: string): StreamName => `${category}-${id}`;

export const categoryOf = (stream: StreamName): Category =>
  stream.slice(0, stream.indexOf('-')) as Category;

export const idOf = (stream: StreamName): string => stream.slice(stream.indexOf('-') + 1);
