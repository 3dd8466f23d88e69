/** A worker that is asked by promises: each question has a number, which its answer bears. */

/** What every answer has. */
export interface Numbered {
  readonly id: number;
  /** Where the question could not be answered. */
  readonly error?: string;
}

/** An open worker. */
export interface AskedWorker<Question, Answer> {
  /** Rejects with the worker's error, or where it is closed meanwhile. */
  ask(question: Question, transfer?: Transferable[]): Promise<Answer>;
  close(): void;
}

/** Starts a worker, which answers each `Question & { id }` with an `Answer` of the same id. */
export function openAskedWorker<Question, Answer extends Numbered>(module: URL): AskedWorker<Question, Answer> {
  const worker = new Worker(module, { type: "module" });
  const waiting = new Map<number, { resolve(answer: Answer): void; reject(error: Error): void }>();
  let id = 0, ended: Error | undefined;
  const end = (error: Error) => {
    ended ??= error;
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
  worker.onmessage = ({ data }: MessageEvent<Answer>) => {
    const promise = waiting.get(data.id);
    waiting.delete(data.id);
    if (data.error !== undefined) promise?.reject(new Error(data.error));
    else promise?.resolve(data);
  };
  worker.onerror = (event) => {
    event.preventDefault();
    end(new Error(`the engine's worker failed: ${event.message}`));
  };
  return {
    ask: (question, transfer = []) =>
      new Promise((resolve, reject) => {
        if (ended) return reject(ended);
        waiting.set(++id, { resolve, reject });
        worker.postMessage({ ...question, id }, transfer);
      }),
    close() {
      worker.terminate();
      end(new Error("the engine was closed"));
    },
  };
}
