/** What a submission would cost at most, and whether it would be accepted. Nothing is recorded. */
import { randomUUID } from 'node:crypto';
import type { Model } from '../../contracts/catalogue/catalogue.js';
import { estimateSchema } from '../../contracts/http/estimate.js';
import { submitSchema, type SubmitBody } from '../../contracts/http/post-executions.js';
import { executionIdOf } from '../../contracts/ids.js';
import { formatMoney } from '../../contracts/money.js';
import { estimateLines, holdFor, type CostLine } from '../../domain/pricing/pricing.js';
import { errorOf } from '../../http/server/envelope.js';
import { canonicalJson } from '../../domain/canonical-json.js';
import {
  Refusal,
  type ApiRequest,
  type Caller,
  type Reply,
  type Route,
} from '../../http/server/route.js';
import type { Commands } from '../command-infra.js';
import { refused } from '../refusals.js';
import { permitModels } from './bound-by-key.js';
import { estimateOf } from './models-asked.js';
import { assess, submissionOf, type Assessed } from './prepare-submission.js';
import { refusalOf } from './submit.js';

export const postExecutionsEstimate = (commands: Commands): Route => ({
  method: 'POST',
  path: '/executions/estimate',
  summary: 'Estimate an execution',
  description:
    'Takes the body of a submission, checks and prices it in the same way, and answers what it ' +
    'would cost at most. Nothing is reserved and nothing runs; an `idempotency_key` may be left ' +
    'out, and means nothing here.',
  tag: 'Executions',
  audience: 'tenant',
  permission: 'executions:write',
  bodySchema: submitSchema,
  replySchemas: { 200: estimateSchema },
  refusals: ['FILE_NOT_FOUND', 'FILE_FORMAT_UNSUPPORTED'],
  handle: (request, caller) => handle(commands, request, caller),
});

async function handle(
  commands: Commands,
  request: ApiRequest,
  caller: Caller,
): Promise<Reply | Refusal> {
  const body = request.body as SubmitBody;
  permitModels(caller, body);
  const assessed = await assess(commands, caller, body);
  if (assessed instanceof Refusal) return assessed;
  // That nobody used before: it is estimated as a new execution.
  const key = randomUUID();
  const executionId = executionIdOf(caller.organizationId, key);
  const asked = { executionId, input: canonicalJson(body.input), bodyHash: '' };
  const submission = submissionOf(commands, { request, caller, body, key }, asked, assessed);
  const reason = await refusalOf(commands, submission);
  const { chosen } = assessed;
  return {
    status: 200,
    body: {
      model: chosen.model.slug,
      estimated_cost: formatMoney(chosen.estimated),
      hold_amount: formatMoney(holdFor(chosen.estimated)),
      models: [chosen.model, ...chosen.fallbacks].map((model) => modelBody(model, body, assessed)),
      would_be_accepted: reason === undefined,
      refusal: reason === undefined ? null : errorOf(refused(reason)),
    },
  };
}

/** The input suits the model: that was found before. */
function modelBody(model: Model, body: SubmitBody, { require, seconds }: Assessed) {
  const estimate = estimateOf(model, body, require, seconds);
  if (!('estimated' in estimate)) throw new Error(`${model.slug} cannot take its input any more`);
  return {
    model: model.slug,
    estimated_cost: formatMoney(estimate.estimated),
    lines: estimateLines(estimate).map(lineBody),
  };
}

const lineBody = ({ unit, unitPrice, quantity, perUnit, amount }: CostLine) => ({
  unit,
  unit_price: formatMoney(unitPrice),
  quantity: Number(quantity),
  per: Number(perUnit),
  amount: formatMoney(amount),
});
