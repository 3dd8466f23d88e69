/**
 * Samplings of everybody's on the GPU, as many at a time as the engine has lanes. Those that wait for the same plan, size, start and
 * coupling go together in a batch; company changes nothing in a molecule, to the last bit.
 */
import { setImmediate } from "node:timers";
import { latentLength } from "../../diffusion/latent.ts";
import type { Start } from "../../diffusion/samplers/start.ts";
import type { Sampled, SampleOptions, Sampling } from "../../diffusion/denoiser.ts";
import { LANES } from "./engine.ts";
import { createRuns, type RunOptions } from "./run.ts";

/** A sampling that waits. */
interface Waiting extends Sampling {
  /** What it must have in common with others to go together. */
  readonly key: string;
  readonly since: number;
  readonly options: SampleOptions;
  readonly done: PromiseWithResolvers<Sampled>;
}

const sameNumbers = (a: Float32Array, b: Float32Array) => a === b || a.every((value, k) => value === b[k]);

/** Whether two begin alike; `key` says whether their alpha and sigma do. */
const sameStart = (a?: Start, b?: Start) =>
  a === b || (a !== undefined && b !== undefined && sameNumbers(a.mean, b.mean) && sameNumbers(a.spread, b.spread));

/** The samplings of one engine; see `Capabilities.sample`. */
export function createGpuSampler(options: RunOptions) {
  const { engine } = options, { space } = engine.network, runs = createRuns(options);
  let waiting: Waiting[] = [], gathering = false, busy = 0;

  /** Those that go together with who has waited longest. */
  const choose = (): Waiting[] => {
    const [lead] = waiting, most = engine.most(lead.shape.nodes), chosen: Waiting[] = [];
    let total = 0;
    for (const one of waiting) {
      if (one.key !== lead.key || !sameStart(one.start, lead.start)) continue;
      if (total > 0 && total + one.shape.batch > most) continue;
      total += one.shape.batch;
      chosen.push(one);
    }
    return chosen;
  };

  const serve = async (all: readonly Waiting[]) => {
    const began = performance.now(), batch = all.reduce((sum, { shape }) => sum + shape.batch, 0);
    const gone = ({ options: { signal } }: Waiting) => signal?.aborted ?? false;
    try {
      const x0 = await engine.inTurn((lane) =>
        runs.run(all, lane, () => {
          if (all.every(gone)) all[0].options.signal!.throwIfAborted();
        })
      );
      const ms = performance.now() - began;
      let at = 0;
      for (const one of all) {
        const { shape, options: { onDone }, done, since } = one,
          floats = shape.batch * latentLength(space, shape.nodes);
        const mine = x0.slice(at, at += floats);
        if (gone(one)) continue;
        onDone?.(shape.batch);
        done.resolve({ x0: mine, ms: ms * shape.batch / batch, waitedMs: began - since });
      }
    } catch (error) {
      for (const { done } of all) done.reject(error);
    }
  };

  const go = async () => {
    if (gathering) return;
    gathering = true;
    await new Promise<void>((resolve) => setImmediate(resolve)); // all that are asked for at once come together
    gathering = false;
    waiting = waiting.filter(({ options: { signal } }) => !signal?.aborted);
    while (waiting.length > 0 && busy < LANES) {
      const chosen = choose();
      waiting = waiting.filter((one) => !chosen.includes(one));
      busy++;
      serve(chosen).then(() => {
        busy--;
        go();
      });
    }
  };

  /** What is too large for one batch, in several. */
  const inParts = async (sampling: Sampling, options: SampleOptions, most: number): Promise<Sampled> => {
    const { shape: { batch, nodes }, indices } = sampling, x0 = new Float32Array(batch * latentLength(space, nodes));
    const parts = await Promise.all(Array.from({ length: Math.ceil(batch / most) }, (_, k) => {
      const own = indices.slice(k * most, (k + 1) * most);
      return sample({ ...sampling, indices: own, shape: { batch: own.length, nodes } }, options);
    }));
    parts.forEach((part, k) => x0.set(part.x0, k * most * latentLength(space, nodes)));
    return { x0, ms: parts.reduce((sum, { ms }) => sum + ms, 0), waitedMs: parts[0].waitedMs };
  };

  /** See `Capabilities.sample`. Agrees with `runPlan` to rounding: noise and steps are of 32 bits here. */
  async function sample(sampling: Sampling, options: SampleOptions = {}): Promise<Sampled> {
    const { shape, indices, plan, start, coupling, condition, clamp } = sampling, { signal } = options;
    signal?.throwIfAborted();
    if (indices.length !== shape.batch) {
      throw new RangeError(`indices must be ${shape.batch}, one a molecule; got ${indices.length}`);
    }
    const length = latentLength(space, shape.nodes);
    if (start && (start.mean.length !== length || start.spread.length !== length)) {
      throw new RangeError(`a start must have ${length} numbers; got ${start.mean.length} and ${start.spread.length}`);
    }
    if (shape.batch === 0) return { x0: new Float32Array(), ms: 0, waitedMs: 0 };
    const most = engine.most(shape.nodes);
    if (shape.batch > most) return await inParts(sampling, options, most);
    const begins = start && [start.alpha, start.sigma];
    const key = JSON.stringify([shape.nodes, condition, clamp, plan, coupling ?? "independent", begins]);
    const done = Promise.withResolvers<Sampled>();
    const leave = () => done.reject(signal!.reason);
    signal?.addEventListener("abort", leave, { once: true });
    waiting.push({ ...sampling, key, since: performance.now(), options, done });
    go();
    try {
      return await done.promise;
    } finally {
      signal?.removeEventListener("abort", leave);
    }
  }

  return {
    sample,
    dispose: runs.dispose,
  };
}
