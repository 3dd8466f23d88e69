/** A worker that does as a file says, in the place of one that trains. */
import { fileURLToPath } from "node:url";

/** What the worker does after it has told that it started, and of one more update than the checkpoint in its folder has. */
export interface Script {
  /**
   * finish: leaves a student. hold: waits until it is told to stop. fail: says why it failed. crash: ends without a word.
   * deaf: waits, whatever it is told. train: makes updates, each from the one before and saved, until there are so many, and finishes.
   */
  readonly act: "finish" | "hold" | "fail" | "crash" | "deaf" | "train";
  /** Of `train`: updates in all, and milliseconds of each. */
  readonly updates?: number;
  readonly ms?: number;
  /** Of `finish`. Default true. */
  readonly accepted?: boolean;
  /** Of a worker that goes on from an older checkpoint. */
  readonly passedOver?: string;
  /** Seed of the student's weights. Default 7. */
  readonly seed?: number;
}

/** The command of such a worker, and how to say what the next one does. */
export const scripted = (path: string) => ({
  trainer: [
    Deno.execPath(),
    "run",
    "-A",
    fileURLToPath(new URL("./scripted_worker.ts", import.meta.url)),
    "--script",
    path,
  ],
  write: (script: Script) => Deno.writeTextFile(path, JSON.stringify(script)),
});
