/** A value while it is made, field by field. */
export type Writable<T> = { -readonly [K in keyof T]: T[K] };
