/** A worker of a pool (`work_pool.ts`): as the main thread sees it, asked by promises, in order; and what it does inside. */
import type { Done, PoolWorker } from "./work_pool.ts";

/** What a worker says. */
type Reply<Answer> =
  /** Sent once, when the worker can be asked. */
  | { readonly type: "ready" }
  /** `ms`: that the worker spent. */
  | { readonly type: "done"; readonly answer: Answer; readonly ms: number }
  /** Some item could not be done; `fatal` where nothing more should be asked of the worker. */
  | { readonly type: "fault"; readonly message: string; readonly fatal: boolean };

/** A message, and the memory that it hands over. */
export interface Message<Data> {
  readonly data: Data;
  readonly transfer?: Transferable[];
}

/** What a worker is, and how it is spoken with. */
export interface PoolWorkerOptions<Item, Options, Result, Question, Answer> {
  /** What runs in it: see {@link answerPool}. */
  readonly module: URL;
  /** What it does, for errors: `validation`. */
  readonly work: string;
  readonly question: (items: readonly Item[], options: Options) => Message<Question>;
  readonly results: (answer: Answer) => Result[];
}

/** Starts a worker. */
export function openPoolWorker<Item, Options, Result, Question, Answer>(
  { module, work, question, results }: PoolWorkerOptions<Item, Options, Result, Question, Answer>,
): PoolWorker<Item, Options, Result> {
  const worker = new Worker(module, { type: "module" });
  const waiting: PromiseWithResolvers<Done<Result>>[] = [], ready = Promise.withResolvers<void>();
  ready.promise.catch(() => {}); // whoever awaits it hears of it
  let ended: Error | undefined;
  const end = (error: Error) => {
    if (ended) return;
    ended = error;
    worker.terminate();
    ready.reject(error);
    for (const { reject } of waiting.splice(0)) reject(error);
  };
  worker.onmessage = ({ data }: MessageEvent<Reply<Answer>>) => {
    switch (data.type) {
      case "ready":
        return ready.resolve();
      case "fault": {
        const error = new Error(`${work}: ${data.message}`);
        waiting.shift()?.reject(error);
        if (data.fatal) end(error);
        return;
      }
      case "done":
        waiting.shift()?.resolve({ results: results(data.answer), ms: data.ms });
    }
  };
  worker.onerror = (event) => {
    event.preventDefault();
    end(new Error(`a worker for ${work} failed: ${event.message}`));
  };
  return {
    ready: ready.promise,
    ask(items, options) {
      if (ended) return Promise.reject(ended);
      const answer = Promise.withResolvers<Done<Result>>(), { data, transfer = [] } = question(items, options);
      waiting.push(answer);
      worker.postMessage(data, transfer);
      return answer.promise;
    },
    get ended() {
      return ended !== undefined;
    },
    close: () => end(new Error(`the worker for ${work} was closed`)),
  };
}

/** Inside a worker: answers each question from now on, one after the other, and says that it is ready. */
export function answerPool<Question, Answer>(
  answer: (question: Question) => Message<Answer> | Promise<Message<Answer>>,
): void {
  const scope = self as unknown as {
    onmessage: ((event: MessageEvent<Question>) => void) | null;
    postMessage(reply: Reply<Answer>, transfer?: Transferable[]): void;
  };
  const reply = async (question: Question) => {
    try {
      const started = performance.now(), { data, transfer = [] } = await answer(question);
      scope.postMessage({ type: "done", answer: data, ms: performance.now() - started }, transfer);
    } catch (error) {
      // A RangeError is the item's; after any other the worker may be in disorder.
      const message = error instanceof Error ? error.message : String(error), fatal = !(error instanceof RangeError);
      scope.postMessage({ type: "fault", message, fatal });
    }
  };
  let last = Promise.resolve();
  scope.onmessage = ({ data: question }) => void (last = last.then(() => reply(question)));
  scope.postMessage({ type: "ready" });
}
