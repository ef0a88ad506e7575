/**
 * The text of an API key: `sk_<64 hex>_<8 hex CRC-32 of what precedes it>`. The check sum lets a
 * mistyped or made-up key be refused without a look-up, and a leaked one be found by scanners.
 */
import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';

const LENGTH = 3 + 64 + 1 + 8;
const form = /^sk_[0-9a-f]{64}_[0-9a-f]{8}$/;
/** Of operators: `opk` instead of `sk`, so that neither is taken for the other. */
const operatorForm = /^opk_[0-9a-f]{64}_[0-9a-f]{8}$/;

/** `secret` is 32 random bytes. */
export const apiKeyText = (secret: Buffer): string => keyText('sk', secret);

export const operatorKeyText = (secret: Buffer): string => keyText('opk', secret);

export const isApiKeyText = (text: string): boolean =>
  text.length === LENGTH && form.test(text) && isSummed(text);

export const isOperatorKeyText = (text: string): boolean =>
  text.length === LENGTH + 1 && operatorForm.test(text) && isSummed(text);

function keyText(prefix: string, secret: Buffer): string {
  const head = `${prefix}_${secret.toString('hex')}`;
  return `${head}_${checkSum(head)}`;
}

function isSummed(text: string): boolean {
  const end = text.lastIndexOf('_');
  return checkSum(text.slice(0, end)) === text.slice(end + 1);
}

/** All that is ever stored of a key; 256 random bits need no slow hash. */
export const apiKeyHash = (text: string): string => hash('sha256', text, 'hex');

const checkSum = (head: string): string => crc32(head).toString(16).padStart(8, '0');
