/** Proofs: exports, receipts, checkpoints, and what public verifiers ask of the log. */
import { moment } from './ranges.js';
import {
  answerObject,
  id,
  queryObject,
  text,
  timestamp,
  withExample,
  type Schema,
} from './parts.js';

const SIZE_MAX = Number.MAX_SAFE_INTEGER;

const size = (description: string): Schema => ({
  type: 'integer',
  minimum: 0,
  maximum: SIZE_MAX,
  description,
  examples: [1_000],
});

const hashText = (description: string): Schema => ({
  type: 'string',
  maxLength: 44,
  description: `${description} Base64 of 32 bytes.`,
  examples: ['47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='],
});

const hashes: Schema = { type: 'array', items: hashText('A hash of the proof.') };

const NOTE_EXAMPLE =
  'modelroute/log/0b9c2a44-52d4-5c0f-9d6a-3e1f7b0a6c1e\n1000\n' +
  '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n' +
  '— modelroute/log/0b9c2a44-52d4-5c0f-9d6a-3e1f7b0a6c1e x08go/ZJkuBS9UG/SffcvIAQxVBt…\n';

const HEADER_EXAMPLE =
  'modelroute/receipt/v1\norganization org_7b0a6c1e-52d4-5c0f-9d6a-3e1f0b9c2a44\n' +
  'execution exec_7b0a6c1e-52d4-5c0f-9d6a-3e1f0b9c2a44\nsequences 3 4 9\n\n— modelroute/log/…\n';

const note = withExample(text('A checkpoint: a signed note of C2SP.'), NOTE_EXAMPLE);

export const exportQuery = queryObject({
  'from?': moment('Only events from this moment on; from the beginning without it.'),
  'to?': moment('Only events before this moment; up to now without it.'),
  'since_size?': size('The size of a checkpoint that you have: adds a proof that it still holds.'),
});

export const checkpointsQuery = queryObject({
  'after?': { ...size('Only checkpoints of more events than this.'), default: 0 },
  'limit?': { type: 'integer', minimum: 1, maximum: 1_000, default: 50, description: 'At most.' },
});

export const checkpointsSchema = answerObject('Checkpoints', {
  data: {
    type: 'array',
    items: answerObject('CheckpointOfLog', {
      size: size('How many events it has.'),
      note,
      signed_at: timestamp('When it was signed.'),
    }),
  },
});

export const consistencyQuery = queryObject({
  from: size('The size of the earlier checkpoint.'),
  to: size('The size of the later one.'),
});

export const consistencySchema = answerObject('ConsistencyProof', { hashes });

export const inclusionQuery = queryObject({
  index: size('The index of the leaf, from 0.'),
  size: size('The size of the checkpoint.'),
});

export const inclusionSchema = answerObject('InclusionProof', {
  leaf_hash: hashText('The hash of the leaf.'),
  hashes,
});

const leaf: Schema = {
  type: 'object',
  description: 'What happened, as canonical JSON (RFC 8785) of it is hashed.',
};

const digest = answerObject('DigestOfPayload', {
  sha256: text('SHA-256 of the bytes, in hex.'),
  bytes: size('How many they are.'),
});

export const receiptSchema = answerObject('Receipt', {
  modelroute_receipt: { const: 1, description: 'The version of the form.' },
  organization_id: id('org', 'Whose execution it is.'),
  execution_id: id('exec', 'The execution.'),
  status: withExample(text('The status that the events prove.'), 'COMPLETED'),
  input: { ...digest, type: ['object', 'null'] },
  output: { ...digest, type: ['object', 'null'] },
  hold: { type: ['string', 'null'], description: 'What was held, in US dollars.' },
  charge: { type: ['string', 'null'], description: 'What was charged; null while nothing was.' },
  checkpoint: note,
  header: withExample(
    text('A signed note: which events of the feed the receipt has.'),
    HEADER_EXAMPLE,
  ),
  events: {
    type: 'array',
    items: answerObject('ProvenEvent', {
      index: size('The index of its leaf.'),
      leaf,
      proof: { ...hashes, description: 'The inclusion proof of RFC 9162.' },
    }),
  },
  disclosures: {
    type: 'array',
    items: withExample(
      text('What its operator discloses: the base64url of `[salt, name, value]`.'),
      'WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlciIsInJlZ2lvbiIsImV1Il0',
    ),
  },
});
