/**
 * Data keys: the contents of an organization are encrypted under a key of its own, so that all of
 * them are gone, wherever copies of them lie, once the key is.
 *
 * An implementer promises: an organization has one key however many ask for it at once, here or in
 * other processes; a key that was handed out is durable. A destroyed key never comes back, and its
 * organization never has another one.
 */
import type { KeyObject } from 'node:crypto';

export interface DataKey {
  /** A UUID that names the key for ever: what is stored says under which one it is. */
  readonly id: string;
  readonly organizationId: string;
  /** Of the keys of its organization, from 1; the last one encrypts, all of them decrypt. */
  readonly version: number;
  /** 32 bytes, for AES-256-GCM. */
  readonly secret: KeyObject;
}

export interface DataKeys {
  /** The key that encrypts, made where the organization has none. Throws on an outage. */
  keyFor(organizationId: string): Promise<DataKey | 'erased'>;
  /** The key of that id; undefined where there never was one, or none was restored. */
  keyOf(id: string): Promise<DataKey | 'erased' | undefined>;
  /** Another key encrypts from now on, within a second everywhere; those of before decrypt. */
  renew(organizationId: string): Promise<DataKey | 'erased'>;
  /** All keys of the organization, for ever, whether or not it has one. False when they were. */
  destroy(organizationId: string): Promise<boolean>;
  /**
   * What was renewed and destroyed after the so many first changes, in their order, or as many as
   * one answer holds; without `after` only how many there were.
   */
  changed(after?: bigint): Promise<ChangedDataKeys>;
}

/** By their organizations. */
export interface ChangedDataKeys {
  readonly last: bigint;
  readonly destroyed: readonly string[];
  readonly renewed: readonly string[];
}

export interface CachedDataKeys extends DataKeys {
  /** The key that encrypts, if it is known here; costs nothing. */
  known(organizationId: string): DataKey | undefined;
  close(): void;
}
