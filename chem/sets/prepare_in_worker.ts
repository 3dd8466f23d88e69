/** Makes a set beside the main thread. */
import { MANIFEST } from "../manifest.ts";
import { replaceFolder } from "../replace_folder.ts";
import { SMILES_FILE } from "../compact.ts";
import { PICTURE_FILE, REFUSED_FILE, SET_FILES, SUMMARY_FILE } from "./form.ts";
import type { PreparedSet, SetOrder, SetProgress } from "./prepare.ts";
import type { PrepareReply } from "./prepare_messages.ts";

/** Who hears of it, and may end it. */
export interface PrepareInWorkerOptions {
  readonly onProgress?: (progress: SetProgress) => void;
  readonly signal?: AbortSignal;
}

/** Errors by the names of their classes; what is not there is the whole's fault, and a plain error. */
const ERRORS: Readonly<Record<string, new (message: string) => Error>> = {
  TypeError,
  RangeError,
  NotFound: Deno.errors.NotFound,
};

const FILES = [
  ...Object.values(SET_FILES).map(({ name }) => name),
  ...[SMILES_FILE, MANIFEST, SUMMARY_FILE, PICTURE_FILE, REFUSED_FILE],
];

/**
 * Makes a set in the place of the folder `to`, which holds a whole set or what it held before.
 *
 * @throws as `prepareSet`; the signal's reason where it is aborted; {Error} where `to` holds what is no part of a set
 */
export async function prepareInWorker(order: SetOrder, options: PrepareInWorkerOptions = {}): Promise<PreparedSet> {
  return await replaceFolder(order.to, FILES, (temporary) => inWorker({ ...order, to: temporary }, options));
}

async function inWorker(order: SetOrder, { onProgress, signal }: PrepareInWorkerOptions): Promise<PreparedSet> {
  signal?.throwIfAborted();
  const worker = new Worker(new URL("./prepare_worker.ts", import.meta.url), { type: "module" });
  const made = Promise.withResolvers<PreparedSet>(), abort = () => made.reject(signal!.reason);
  signal?.addEventListener("abort", abort, { once: true });
  worker.onmessage = ({ data }: MessageEvent<PrepareReply>) => {
    if (data.type === "progress") return onProgress?.(data.progress);
    if (data.type === "done") return made.resolve(data.set);
    made.reject(new (ERRORS[data.name] ?? Error)(data.message));
  };
  worker.onerror = (event) => {
    event.preventDefault();
    made.reject(new Error(`the worker that makes a set failed: ${event.message}`));
  };
  worker.postMessage(order);
  try {
    return await made.promise;
  } finally {
    signal?.removeEventListener("abort", abort);
    worker.terminate();
  }
}
