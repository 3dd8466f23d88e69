/** A worker that is asked by promises: each question has a number, which its answer bears. */

/** What every answer has. */
export interface Numbered {
  readonly id: number;
  /** Where the question could not be answered. */
  readonly error?: string;
}

/** An open worker. */
export interface AskedWorker<Question, Answer> {
  /** How many questions have been sent, `[1]`, in shared memory: one that is at work learns there that there are more. */
  readonly sent: Int32Array;
  /** Rejects with the worker's error, or where it is closed meanwhile. */
  ask(question: Question, transfer?: Transferable[]): Promise<Answer>;
  /** Whoever waits is told at once. */
  close(): void;
  /** As `close`, but the worker is given time to end what it is at: resolves when it has answered this last question, and is gone. */
  retire(last: Question): Promise<void>;
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
  const sent = new Int32Array(new SharedArrayBuffer(4));
  const send = (question: Question, transfer: Transferable[] = []) =>
    new Promise<Answer>((resolve, reject) => {
      waiting.set(++id, { resolve, reject });
      Atomics.add(sent, 0, 1);
      worker.postMessage({ ...question, id }, transfer);
    });
  const closed = () => new Error("the engine was closed");
  return {
    sent,
    ask: (question, transfer) => ended ? Promise.reject(ended) : send(question, transfer),
    close() {
      worker.terminate();
      end(closed());
    },
    async retire(last) {
      const failed = ended !== undefined;
      end(closed());
      if (!failed) await send(last).catch(() => {});
      worker.terminate();
    },
  };
}
