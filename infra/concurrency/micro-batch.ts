/**
 * Many small questions, few statements: what is asked in one turn of the event loop, or while the
 * statements in flight are busy, is asked together. An answer is never older than its question.
 */
interface MicroBatchOptions<Key, Answer> {
  /** The same text, the same question. */
  readonly nameOf: (key: Key) => string;
  /** One answer per key, in order. */
  readonly load: (keys: readonly Key[]) => Promise<readonly Answer[]>;
  readonly keysMax: number;
  readonly inFlightMax: number;
}

interface Question<Key, Answer> {
  readonly key: Key;
  readonly answer: Promise<Answer>;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

export function microBatch<Key, Answer>(
  options: MicroBatchOptions<Key, Answer>,
): (key: Key) => Promise<Answer> {
  const { nameOf, load, keysMax, inFlightMax } = options;
  const waiting = new Map<string, Question<Key, Answer>>();
  let inFlight = 0;
  let scheduled = false;

  function schedule(): void {
    if (scheduled || waiting.size === 0 || inFlight >= inFlightMax) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      void flush();
      schedule();
    });
  }

  async function flush(): Promise<void> {
    const questions: Question<Key, Answer>[] = [];
    for (const [name, question] of waiting) {
      if (questions.length === keysMax) break;
      questions.push(question);
      waiting.delete(name);
    }
    inFlight++;
    try {
      const answers = await load(questions.map(({ key }) => key));
      questions.forEach(({ resolve }, index) => resolve(answers[index] as Answer));
    } catch (error) {
      for (const { reject } of questions) reject(error);
    }
    inFlight--;
    schedule();
  }

  return (key) => {
    const name = nameOf(key);
    let question = waiting.get(name);
    if (!question) waiting.set(name, (question = ask<Key, Answer>(key)));
    schedule();
    return question.answer;
  };
}

function ask<Key, Answer>(key: Key): Question<Key, Answer> {
  let resolve!: Question<Key, Answer>['resolve'];
  let reject!: Question<Key, Answer>['reject'];
  const answer = new Promise<Answer>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { key, answer, resolve, reject };
}
