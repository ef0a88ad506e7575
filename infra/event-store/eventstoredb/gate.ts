/** Lets so many, and so much, be under way at once; the others wait, first come first served. */
interface Gate {
  /** One that is larger than the gate passes alone. */
  enter(bytes: number): Promise<void> | undefined;
  leave(bytes: number): void;
  readonly underWay: number;
}

export function createGate(countMax: number, bytesMax: number): Gate {
  const waiting: { readonly bytes: number; readonly admit: () => void }[] = [];
  let [count, bytes] = [0, 0];

  const fits = (more: number) => count === 0 || (count < countMax && bytes + more <= bytesMax);
  const take = (more: number) => {
    count++;
    bytes += more;
  };

  return {
    enter(more) {
      if (waiting.length === 0 && fits(more)) {
        take(more);
        return undefined;
      }
      return new Promise((admit) => waiting.push({ bytes: more, admit }));
    },
    leave(less) {
      count--;
      bytes -= less;
      for (let next = waiting[0]; next && fits(next.bytes); next = waiting[0]) {
        waiting.shift();
        take(next.bytes);
        next.admit();
      }
    },
    get underWay() {
      return count;
    },
  };
}
