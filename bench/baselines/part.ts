/**
 * The other end of `startPart`: opens what its configuration asks for, says that it is ready,
 * answers one question at a time, and ends with its parent.
 */
interface PartWork<Ready, Ask, Answer> {
  readonly ready: Ready;
  answer(question: Ask): Promise<Answer>;
  close(): Promise<void>;
}

export function servePart<Config, Ready, Ask, Answer>(
  open: (config: Config) => Promise<PartWork<Ready, Ask, Answer>>,
): void {
  const config = JSON.parse(process.argv[2] ?? '{}') as Config;
  // A turn later, when the whole module that called has been evaluated.
  const opened = Promise.resolve().then(() => open(config));
  // Ctrl-C reaches every process of the group; the parent ends its parts in its own order.
  process.on('SIGINT', () => undefined);
  process.on('disconnect', () => {
    void opened.then((work) => work.close()).finally(() => process.exit());
  });
  process.on('message', (question) => {
    void say(opened.then((work) => work.answer(question as Ask)));
  });
  void say(opened.then(({ ready }) => ready));
}

async function say(answer: Promise<unknown>): Promise<void> {
  try {
    process.send?.({ value: (await answer) ?? null });
  } catch (error) {
    process.send?.({
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
  }
}
