/** Collectors beside the main thread: gzip, JSON, keys and files are a worker's; see `collect.ts`. */
import { openPoolWorker } from "../../chem/pool_worker.ts";
import type { Collector, CollectOrder } from "./collect.ts";
import type { CollectAnswer, CollectAsk, CollectAsks } from "./collect_messages.ts";

/** A collector of a worker. Between the pieces of what `finish` makes others are served. */
export interface CollectorThere extends Omit<Collector, "finish"> {
  /** As the collector's, to its end. @throws Error where it is closed meanwhile */
  finish(parts: readonly number[]): Promise<number>;
}

/** A worker, started when it is first asked, and anew where it ended. */
export interface Collecting {
  /** Text by gzip. */
  pack(text: string): Promise<Uint8Array<ArrayBuffer>>;
  /** What was by gzip. */
  unpack(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>>;
  /** As `openCollector` of `collect.ts`. */
  open(order: CollectOrder): Promise<CollectorThere>;
  close(): void;
}

/** What went wrong in the worker, by its own name and code. */
class CollectError extends Error {
  readonly code?: string;
  constructor({ name, message, code }: { readonly name: string; readonly message: string; readonly code?: string }) {
    super(message);
    this.name = name;
    this.code = code;
  }
}

const start = () =>
  openPoolWorker<CollectAsk, undefined, CollectAnswer, CollectAsk, CollectAnswer>({
    module: new URL("./collect_worker.ts", import.meta.url),
    work: "collecting",
    question: ([asked]) => ({ data: asked }),
    results: (answer) => [answer],
  });

/** Nothing is started yet. */
export function createCollecting(): Collecting {
  let worker: ReturnType<typeof start> | undefined, opened = 0, closed = false;
  async function ask<K extends keyof CollectAsks>(
    type: K,
    values: CollectAsks[K]["ask"],
    own?: ReturnType<typeof start>,
  ): Promise<CollectAsks[K]["answer"]> {
    if (closed) throw new Error("collecting is over");
    if (!worker || worker.ended) worker = start();
    const asked = { type, ...values } as unknown as CollectAsk;
    const { results: [answer] } = await (own ?? worker).ask([asked], undefined);
    if ("fault" in answer) throw new CollectError(answer.fault);
    return answer.value as CollectAsks[K]["answer"];
  }
  return {
    pack: (text) => ask("pack", { text }),
    unpack: (bytes) => ask("unpack", { bytes }),
    async open(order) {
      const collector = opened++;
      await ask("open", { collector, order });
      const own = worker;
      let over = false;
      return {
        take: (file, room) => ask("take", { collector, file: file as Uint8Array<ArrayBuffer>, room }, own),
        async finish(parts) {
          await ask("finish", { collector, parts }, own);
          for (;;) {
            if (over) throw new Error("the collector is closed");
            const made = await ask("step", { collector }, own);
            if (made !== null) return made;
          }
        },
        close() {
          over = true;
          ask("close", { collector }, own).catch(() => {}); // with its worker it is closed, too
        },
      };
    },
    close() {
      closed = true;
      worker?.close();
    },
  };
}
