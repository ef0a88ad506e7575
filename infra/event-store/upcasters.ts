/**
 * How data of old schema versions is read: one step from each old version towards the current one,
 * by type and the version it was written as. Old events are never rewritten.
 */
export type WireData = Readonly<Record<string, unknown>>;

/** What the data is in the next version; another type when the meaning changed. */
interface Upcast {
  readonly type: string;
  readonly version: number;
  readonly data: WireData;
}

export type Upcasters = Readonly<
  Record<string, Readonly<Record<number, (data: WireData) => Upcast>>>
>;

/** Every schema is at its first version. */
export const upcasters: Upcasters = {};
