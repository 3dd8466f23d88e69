/** One network in the native engine: its arrays, prediction, gradient and update. Calls run off the event loop, one at a time. */
import pLimit from "p-limit";
import { checkLatents } from "../../diffusion/latent.ts";
import {
  MOST_PAIRS,
  MOST_SCALARS,
  pairAttentionParameters,
  type PairAttentionSizes,
  type ParameterSpec,
  toldRows,
} from "../../networks/pair_attention/parameters.ts";
import type { BatchShape, LatentSpace } from "../../diffusion/types.ts";
import { conditionFeatures, type ConditionRows } from "../../networks/pair_attention/conditions.ts";
import { ARRAYS, BLOCKS_MAX, LANES, THREADS_MAX } from "./constants.ts";
import type { PrecisionChoice } from "../runtimes.ts";
import { chooseKernel, type Kernel, kernelsOf } from "./kernels.ts";
import { coreThreads } from "./threads.ts";
import type { Member } from "./member.ts";
import { buildNativeLibrary, openNativeLibrary } from "./native_library.ts";
import { checkJudged, type Group, type Judged, type Weights } from "../../diffusion/learner.ts";

/** Sizes and use of an engine. */
export interface NativeEngineOptions {
  readonly space: LatentSpace;
  readonly sizes: PairAttentionSizes;
  /** Threads; the machine's cores where absent. */
  readonly threads?: number;
  /** Whether gradients and updates are wanted: costs memory. */
  readonly train?: boolean;
  /** Of the factors of large products. Default `f32`. */
  readonly precision?: PrecisionChoice;
  /** The kernel to take of those that compute so; see `chooseKernel`. */
  readonly isa?: string;
}

/** Losses of a batch: means over its molecules of the weighted errors. */
export interface EngineLosses {
  readonly positions: number;
  readonly scalars: number;
  readonly bonds: number;
}

/** A network's state in native memory. Not to be used after `dispose()`. */
export interface NativeEngine {
  readonly specs: readonly ParameterSpec[];
  readonly threads: number;
  /** What computes its products. */
  readonly kernel: Kernel;
  /** What its library was built for, in words. */
  readonly built: string;
  /** Views of native memory `[parameters]`; call `refresh()` after writing `parameters` or `ema`. */
  array(name: keyof typeof ARRAYS): Float32Array;
  refresh(): void;
  /** Estimates of x0 `[B, L]`. The moving averages ask for `train`. */
  predict(z: Float32Array, shape: BatchShape, rows: ConditionRows, which?: Weights): Promise<Float32Array>;
  /** Losses; their sum's gradient is in `array("gradient")`. */
  gradient(groups: readonly Group[]): Promise<EngineLosses>;
  /** The same by a gradient at x0: leaves that of the mean over molecules of <gradient, x0> in `array("gradient")`. */
  gradientAt(groups: readonly Judged[]): Promise<void>;
  /** d<gradient, x0>/dz `[B, L]` of each molecule. What `array("gradient")` holds is lost; no update is to follow. */
  inputGradient(judged: Judged): Promise<Float32Array>;
  /** One update from the gradient. `count` from 1. Returns the gradient's norm before clipping; where not finite, nothing changes. */
  update(count: number, rates: { muon: number; adamw: number; emaDecay: number; clip: number }): Promise<number>;
  /** This engine for a worker of JavaScript, which is to be the only one of its index, and calls nothing once the engine is disposed of. */
  member(index: number): Member;
  dispose(): void;
}

/** Weights of the loss as the engine takes them, `[molecules, 4]`: the group's three, and what the last vector counts. */
function joinWeights(groups: readonly Group[]): Float32Array {
  const molecules = groups.reduce((sum, { shape }) => sum + shape.batch, 0), out = new Float32Array(4 * molecules);
  let at = 0;
  for (const { shape, weights, lastVector } of groups) {
    for (let b = 0; b < shape.batch; b++, at += 4) {
      out.set(weights.subarray(3 * b, 3 * b + 3), at);
      out[at + 3] = lastVector?.[b] ?? 1;
    }
  }
  return out;
}

/** Joins the same field of all groups. */
function join<Field extends string>(groups: readonly Record<Field, Float32Array>[], field: Field): Float32Array {
  if (groups.length === 1) return groups[0][field];
  const out = new Float32Array(groups.reduce((sum, group) => sum + group[field].length, 0));
  let at = 0;
  for (const group of groups) out.set(group[field], at), at += group[field].length;
  return out;
}

/** Nodes and molecules of each group. */
function sizesOf(
  groups: readonly Pick<Group, "shape">[],
): [nodes: Int32Array<ArrayBuffer>, batches: Int32Array<ArrayBuffer>] {
  return [Int32Array.from(groups, ({ shape }) => shape.nodes), Int32Array.from(groups, ({ shape }) => shape.batch)];
}

/** Throws RangeError on sizes that the engine lacks, Error where memory runs out or no library can be built. */
export function createNativeEngine(options: NativeEngineOptions): NativeEngine {
  const { space, sizes, threads = coreThreads(), train = false, precision = "f32" } = options;
  const { path, built } = buildNativeLibrary(), library = openNativeLibrary(path), c = library.symbols;
  const specs = pairAttentionParameters(space, sizes), { estimates = false } = sizes;
  const kernel = chooseKernel(kernelsOf(library), precision, options.isa);
  const engine = c.molstep_create(
    sizes.width,
    sizes.blocks,
    space.vectors,
    space.scalars,
    space.pairs,
    toldRows(sizes),
    Number(estimates),
    threads,
    Number(train),
    kernel.index,
  );
  if (engine === null) {
    throw new RangeError(
      `the engine takes widths that are multiples of 16, at most ${BLOCKS_MAX} blocks, ${MOST_SCALARS} scalars, ${MOST_PAIRS} pair features, ${LANES} features of steps and properties, and ${THREADS_MAX} threads; given ${
        JSON.stringify({ ...sizes, ...space, threads })
      } (or memory ran out)`,
    );
  }
  const count = Number(c.molstep_parameter_count(engine));
  const array = (name: keyof typeof ARRAYS) => {
    const at = c.molstep_array(engine, ARRAYS[name]);
    if (at === null) throw new Error(`the engine was made without training: it has no ${name}`);
    return new Float32Array(Deno.UnsafePointerView.getArrayBuffer(at, count * 4));
  };
  /** Calls wait for each other: an engine has one set of buffers. */
  const inTurn = pLimit(1);
  const featuresOf = (groups: readonly Pick<Group, "conditions">[]) =>
    conditionFeatures(groups.flatMap(({ conditions }) => conditions), sizes);
  const check = (judged: Judged) => {
    array("gradient");
    checkLatents(judged.z, space, judged.shape);
    checkJudged(judged);
  };
  const memory = (ok: number) => {
    if (!ok) throw new Error("the native engine ran out of memory");
  };
  return {
    specs,
    threads,
    kernel,
    built,
    array,
    refresh: () => c.molstep_refresh(engine),
    predict: (z, { batch, nodes }, { features, alpha, sigma, without = -1 }, which = "params") => {
      checkLatents(z, space, { batch, nodes });
      if (which === "ema") array("ema");
      const out = new Float32Array(z.length);
      const asked = [engine, nodes, batch, z, features, alpha, sigma, without, out] as const;
      return inTurn(async () => {
        memory(await (which === "ema" ? c.molstep_predict_averages(...asked) : c.molstep_predict(...asked, null)));
        return out;
      });
    },
    gradientAt: (groups) => {
      groups.forEach(check);
      const [nodes, batches] = sizesOf(groups), features = featuresOf(groups);
      const [z, dx0, alpha, sigma] = (["z", "gradient", "alpha", "sigma"] as const).map((field) => join(groups, field));
      return inTurn(async () =>
        memory(await c.molstep_gradient_at(engine, groups.length, nodes, batches, z, dx0, features, alpha, sigma))
      );
    },
    inputGradient: (judged) => {
      check(judged);
      const { z, shape: { batch, nodes }, gradient, alpha, sigma } = judged, out = new Float32Array(z.length);
      const features = featuresOf([judged]);
      return inTurn(async () => {
        memory(await c.molstep_input_gradient(engine, nodes, batch, z, gradient, features, alpha, sigma, out));
        return out;
      });
    },
    gradient: (groups) => {
      const [nodes, batches] = sizesOf(groups);
      const losses = new Float32Array(3), features = featuresOf(groups);
      const [z, target, alpha, sigma] = (["z", "target", "alpha", "sigma"] as const).map((field) =>
        join(groups, field)
      );
      const weights = joinWeights(groups);
      return inTurn(async () => {
        memory(
          await c.molstep_gradient(
            engine,
            groups.length,
            nodes,
            batches,
            z,
            target,
            features,
            alpha,
            sigma,
            weights,
            losses,
          ),
        );
        return { positions: losses[0], scalars: losses[1], bonds: losses[2] };
      });
    },
    update: (count, { muon, adamw, emaDecay, clip }) =>
      inTurn(() => c.molstep_update(engine, BigInt(count), muon, adamw, emaDecay, clip)),
    member: (index) => ({
      type: "native",
      library: path,
      engine: Deno.UnsafePointer.value(engine),
      index,
      space,
      sizes,
    }),
    dispose() {
      c.molstep_free(engine);
      library.close();
    },
  };
}
