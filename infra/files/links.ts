/**
 * Links to one file: whoever has one may do with that file what it is for until it ends, and needs
 * no key. They are sealed, so that they say nothing of whose the file is or what it is called.
 */
import type { ApiKeyId, FileId } from '../../contracts/ids.js';
import { sealed, unsealed } from '../sealed.js';

export type FileLink =
  /** To upload its bytes; its end is in the log. */
  | { readonly use: 'upload'; readonly fileId: FileId }
  /** For whomever its owner gives it to; `keyId` asked for it. */
  | {
      readonly use: 'download';
      readonly fileId: FileId;
      readonly keyId: ApiKeyId;
      readonly expiresAtMs: number;
    }
  /** For the provider of an attempt: without what a picture says about where it was taken. */
  | { readonly use: 'input'; readonly fileId: FileId; readonly expiresAtMs: number };

type Use = FileLink['use'];

const aboutUse = (use: Use): string => `file/${use}`;

export function linkToken<U extends Use>(
  key: Buffer,
  link: FileLink & { readonly use: U },
): string {
  const { use, ...rest } = link;
  return sealed(key, aboutUse(use), JSON.stringify(rest));
}

/** Undefined for what is no link of that use; its end is the caller's to look at. */
export function linkIn<U extends Use>(
  key: Buffer,
  use: U,
  token: string,
): Extract<FileLink, { readonly use: U }> | undefined {
  const text = token.length <= TOKEN_LENGTH_MAX ? unsealed(key, aboutUse(use), token) : undefined;
  if (text === undefined) return undefined;
  return { use, ...(JSON.parse(text) as object) } as Extract<FileLink, { readonly use: U }>;
}

const TOKEN_LENGTH_MAX = 1_024;
