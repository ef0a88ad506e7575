/**
 * Baseline of R2: a POST handler in plain Express that does nothing but read the body, check it
 * with the schema that the system checks it with, and answer 202 with a body of the same size.
 */
import type { AddressInfo } from 'node:net';
import { Ajv2020 } from 'ajv/dist/2020.js';
import express from 'express';
import { submitSchema } from '../../contracts/http/post-executions.js';
import { servePart } from './part.js';

export interface ExpressConfig {
  /** A 202 of the system's. */
  readonly reply: object;
}

servePart<ExpressConfig, string, never, null>(async ({ reply }) => {
  const validate = new Ajv2020({ strict: false }).compile(submitSchema);
  const app = express();
  app.use(express.json());
  app.post('/v1/executions', (request, response) => {
    if (validate(request.body)) response.status(202).json(reply);
    else response.status(400).json({ errors: validate.errors });
  });
  const server = app.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return {
    ready: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    answer: async () => null,
    close: async () => server.closeAllConnections(),
  };
});
