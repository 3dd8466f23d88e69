/** A validating worker as the main thread sees it: asked by promises, in order. */
import type { Molecule } from "./molecule.ts";
import type { ValidateOptions, Validation } from "./validator.ts";
import { type Answer, buffersOf, packMolecules, type Question, unpackBonds } from "./validator_messages.ts";

/** What a worker says of some molecules. */
export interface Verdicts {
  readonly validations: Validation[];
  /** That it spent. */
  readonly ms: number;
}

/** An open worker. */
export interface ValidationWorker {
  /** Resolves when RDKit.js is loaded and warm; rejects where that fails, or the worker is closed. */
  readonly ready: Promise<void>;
  /** Rejects where a molecule cannot be judged, and where the worker has ended or ends meanwhile. */
  judge(molecules: readonly Molecule[], options: ValidateOptions): Promise<Verdicts>;
  /** It can be asked no more. */
  readonly ended: boolean;
  close(): void;
}

/** Starts a worker. @param module what runs in it */
export function openValidationWorker(module = new URL("./validation_worker.ts", import.meta.url)): ValidationWorker {
  const worker = new Worker(module, { type: "module" });
  const waiting: PromiseWithResolvers<Verdicts>[] = [], ready = Promise.withResolvers<void>();
  ready.promise.catch(() => {}); // whoever awaits it hears of it
  let ended: Error | undefined;
  const end = (error: Error) => {
    if (ended) return;
    ended = error;
    worker.terminate();
    ready.reject(error);
    for (const { reject } of waiting.splice(0)) reject(error);
  };
  worker.onmessage = ({ data }: MessageEvent<Answer>) => {
    if (data.type === "ready") return ready.resolve();
    if (data.type === "fault") {
      const error = new Error(`validation: ${data.message}`);
      waiting.shift()?.reject(error);
      if (data.fatal) end(error);
      return;
    }
    const { verdicts, ms } = data, bonds = unpackBonds(data.bonds);
    waiting.shift()?.resolve({ validations: verdicts.map((verdict, k) => ({ ...verdict, bonds: bonds[k] })), ms });
  };
  worker.onerror = (event) => {
    event.preventDefault();
    end(new Error(`a validating worker failed: ${event.message}`));
  };
  return {
    ready: ready.promise,
    judge(molecules, options) {
      if (ended) return Promise.reject(ended);
      const answer = Promise.withResolvers<Verdicts>(), packed = packMolecules(molecules);
      waiting.push(answer);
      const question: Question = { molecules: packed, options };
      worker.postMessage(question, buffersOf(packed.atoms, packed.atomicNumbers, packed.positions));
      return answer.promise;
    },
    get ended() {
      return ended !== undefined;
    },
    close: () => end(new Error("the validating worker was closed")),
  };
}
