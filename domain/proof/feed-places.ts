/**
 * Where the events of one organization's feed are: leaf of each, position of each, and by how much
 * the event before it in the log is before it. As numbers of LEB128, each leaf and position less
 * those of the event before it in the row, so that most take a byte or two.
 */
export interface FeedPlace {
  readonly leafIndex: number;
  readonly position: bigint;
  /** Of the event before it in the log: a page behind that one begins with this one. */
  readonly positionBefore: bigint;
}

export function packPlaces(places: readonly FeedPlace[]): Buffer {
  const bytes: number[] = [];
  let [leaf, position] = [0, 0n];
  for (const place of places) {
    pushNumber(bytes, place.leafIndex - leaf);
    pushNumber(bytes, Number(place.position - position));
    pushNumber(bytes, Number(place.position - place.positionBefore));
    leaf = place.leafIndex;
    position = place.position;
  }
  return Buffer.from(bytes);
}

export function unpackPlaces(packed: Buffer): readonly FeedPlace[] {
  const places: FeedPlace[] = [];
  let [leafIndex, position, at] = [0, 0n, 0];
  const next = () => {
    let [value, scale] = [0, 1];
    for (;;) {
      const byte = packed[at++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 0x80;
    }
  };
  while (at < packed.length) {
    leafIndex += next();
    position += BigInt(next());
    places.push({ leafIndex, position, positionBefore: position - BigInt(next()) });
  }
  return places;
}

function pushNumber(bytes: number[], value: number): void {
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  bytes.push(rest);
}
