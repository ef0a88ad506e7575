/**
 * The last part of an attempt's callback URL: it names the attempt and proves that we gave it out.
 *
 *   base64url( 16 bytes of the execution's UUID · 4 of the attempt · 24 of an HMAC-SHA256 )
 *
 * The code is over all that the token names, so that no state is needed to check one, and the token
 * of one attempt says nothing about another's.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { isId, type ExecutionId } from '../contracts/ids.js';

export interface CalledAttempt {
  readonly executionId: ExecutionId;
  readonly attempt: number;
}

const ID_BYTES = 16;
const NAMED_BYTES = ID_BYTES + 4;
const CODE_BYTES = 24;
const TOKEN = /^[A-Za-z0-9_-]{59}$/;

export function callbackTokenOf(key: Buffer, { executionId, attempt }: CalledAttempt): string {
  const named = Buffer.alloc(NAMED_BYTES);
  named.write(executionId.slice('exec_'.length).replaceAll('-', ''), 'hex');
  named.writeUInt32BE(attempt, ID_BYTES);
  return Buffer.concat([named, codeOf(key, named)]).toString('base64url');
}

/** Undefined for what is no token of ours. */
export function readCallbackToken(key: Buffer, token: string): CalledAttempt | undefined {
  if (!TOKEN.test(token)) return undefined;
  const bytes = Buffer.from(token, 'base64url');
  // The last character has bits to spare: a token is written in one way only.
  if (bytes.toString('base64url') !== token) return undefined;
  const named = bytes.subarray(0, NAMED_BYTES);
  if (!timingSafeEqual(bytes.subarray(NAMED_BYTES), codeOf(key, named))) return undefined;
  const uuid = named.toString('hex', 0, ID_BYTES).replace(UUID_PARTS, '$1-$2-$3-$4-$5');
  const executionId: ExecutionId = `exec_${uuid}`;
  if (!isId('exec', executionId)) return undefined;
  return { executionId, attempt: named.readUInt32BE(ID_BYTES) };
}

const UUID_PARTS = /^(.{8})(.{4})(.{4})(.{4})(.{12})$/;

const codeOf = (key: Buffer, named: Buffer): Buffer =>
  createHmac('sha256', key).update(named).digest().subarray(0, CODE_BYTES);
