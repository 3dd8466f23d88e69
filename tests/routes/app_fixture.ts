/** The application on tiny models, the cpu backend and the real chemistry, for tests. */
import { createRdkit } from "../../chem/rdkit.ts";
import { createValidator, type Validate } from "../../chem/validator.ts";
import { listModels, loadModel } from "../../model/load.ts";
import { createQueue, type QueueOptions } from "../../model/queue.ts";
import { createModelStore } from "../../model/store.ts";
import { createApp } from "../../routes/app.ts";
import type { Lifecycle } from "../../routes/deps.ts";
import { type CardChanges, withFolder, writeTinyModel } from "../model/tiny_model.ts";

let validator: Promise<Validate> | undefined;

export interface FixtureOptions {
  readonly models?: readonly CardChanges[];
  readonly queue?: QueueOptions;
  readonly maxWork?: number;
  readonly maxBodyBytes?: number;
  readonly state?: Lifecycle["state"];
  /** Files of the models to remove, relative to their folder. */
  readonly damage?: readonly string[];
}

/** Runs a test with an application. `lines` are the log's, parsed. */
export async function withApp(
  work: (
    app: ReturnType<typeof createApp>,
    more: { lines: Record<string, unknown>[]; abort: AbortController; queue: ReturnType<typeof createQueue> },
  ) => Promise<void>,
  { models = [{}], queue, maxWork = 1_000_000, maxBodyBytes = 65_536, state = "ready", damage = [] }: FixtureOptions =
    {},
): Promise<void> {
  await withFolder(async (root) => {
    for (const changes of models) await writeTinyModel(root, changes);
    for (const file of damage) await Deno.remove(`${root}/${file}`);
    const store = createModelStore(
      await listModels([root]),
      (entry) => loadModel(entry, { backend: "cpu", batch: 4 }),
    );
    const lines: Record<string, unknown>[] = [], abort = new AbortController(), line = createQueue(queue);
    const app = createApp({
      store,
      validate: () => validator ??= createRdkit().then(createValidator),
      queue: line,
      config: { maxWork, maxBodyBytes },
      lifecycle: { state, signal: abort.signal },
      log: (level, message, fields) => lines.push({ level, message, ...fields }),
    });
    try {
      await work(app, { lines, abort, queue: line });
    } finally {
      store.dispose();
    }
  });
}

/** POST /generate with a JSON body. */
export function post(
  app: ReturnType<typeof createApp>,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Response> {
  return Promise.resolve(app.request("/generate", {
    method: "POST",
    body: typeof body === "string" ? body : JSON.stringify(body),
    headers: { "Content-Type": "application/json", ...headers },
  }));
}
