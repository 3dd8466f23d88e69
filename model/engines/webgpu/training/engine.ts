/**
 * A pair-attention network under training on the GPU: its state, and updates of it, each recorded and submitted as one. What is
 * asked for is done in the order of asking; nothing waits for the device but what reads from it.
 */
import pLimit from "p-limit";
import { arrange, disarrange, type TrainingLayout, trainingLayout } from "./layout.ts";
import type { Gpu } from "../device.ts";
import type { Resource } from "../kernel.ts";
import { createArray } from "../memory.ts";
import { checkNetwork, mostRows } from "../network.ts";
import {
  type Asked,
  checkJudged,
  type Group,
  type Judged,
  type Rates,
  type Weights,
} from "../../../diffusion/learner.ts";
import { roundUp } from "../round_up.ts";
import { type Capacity, createTrainingArrays, sharesFloats, type TrainingArrays } from "./arrays.ts";
import { joinGroups, packGroups, type TrainingBatch } from "./batch.ts";
import { createEstimator } from "./estimates.ts";
import { createPairKernels, createTrainingKernels, type TrainingOptions } from "./kernels.ts";
import { createLoss, type Given } from "./loss.ts";
import { type Extent, extentWords, MOST_GROUPS } from "./molecules.ts";
import { createOptimiser } from "./muon.ts";
import { pairMemory } from "./pairs_backward.ts";
import { bindPasses, createPlaces, type Passes } from "./passes.ts";
import { compute, createSubmit } from "./submit.ts";
import { CONTROL, createControl, RATES, sumGroups } from "./sums.ts";

/** The arrays of a network's state. */
export const STATE = ["parameters", "ema", "first", "second"] as const;

/** Of all parameters in storage order, by the names of {@link STATE}. */
export type StateArrays = Readonly<Record<typeof STATE[number], Float32Array>>;

/** Losses `[3]`: of positions, scalars and bonds. */
export type LossValues = Float32Array;

/** A network under training. */
export interface TrainingEngine {
  readonly layout: TrainingLayout;
  /** Most nodes of a molecule. */
  readonly mostNodes: number;
  /** Submits an update; resolves once it has been submitted. At most {@link MOST_UPDATES} between two calls of `told`. */
  update(groups: readonly Group[], rates: Rates): Promise<void>;
  /** Losses of the updates since the last call, oldest first, once they are done; NaN where one was not made. */
  told(): Promise<LossValues[]>;
  losses(groups: readonly Group[], which: Weights): Promise<LossValues>;
  /** Losses and the gradient of their sum, in storage order. */
  gradient(groups: readonly Group[]): Promise<{ losses: LossValues; gradient: Float32Array }>;
  /** An update by gradients at x0; resolves with the norm of the weights' gradient once it is done. */
  step(groups: readonly Judged[], rates: Rates): Promise<number>;
  /** Estimates of x0 `[B, L]`. */
  predict(asked: Asked, which: Weights): Promise<Float32Array>;
  read(): Promise<StateArrays & { readonly updates: number }>;
  write(state: StateArrays, updates: number): Promise<void>;
  dispose(): void;
}

/** Updates whose losses the device keeps until they are asked for. */
export const MOST_UPDATES = 64;

/** Most slices of the rows in a weight's gradient. */
const SLICES = 8;

/** Nodes that losses are computed of at once: held-out batches are larger than those of updates, and need no more room. */
const LOSS_ROWS = 2048;

/** Nodes that the first kernels of pairs are compiled for. */
const FEW_NODES = 16;

/**
 * Uploads weights and compiles what serves molecules of any size.
 *
 * @param first parameters in storage order
 * @throws RangeError where the network's sizes are beyond the kernels' or the device's
 */
export async function createTrainingEngine(
  gpu: Gpu,
  options: TrainingOptions,
  first: Float32Array,
): Promise<TrainingEngine> {
  checkNetwork(options);
  if (options.sizes.estimates) throw new RangeError("estimates must be absent in training here; got true");
  const { space, sizes } = options, { device } = gpu, { limits } = device;
  const layout = trainingLayout(space, sizes), { length, products, parts } = layout;
  const most = Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize) / 4;
  const slices = Math.min(SLICES, Math.floor(most / products)), { offset: lossesAt } = parts.get("losses")!;
  if (slices < 1 || sharesFloats(layout, MOST_GROUPS) > most) {
    throw new RangeError(`a network of ${length} numbers is too large for this GPU (${gpu.label})`);
  }
  const had = limits.maxComputeWorkgroupStorageSize;
  let mostNodes = FEW_NODES;
  if (pairMemory(space, mostNodes) > had) {
    throw new RangeError(`${pairMemory(space, mostNodes)} bytes of workgroup memory asked, ${had} had by ${gpu.label}`);
  }
  while (pairMemory(space, mostNodes + 8) <= had) mostNodes += 8;
  const largest = mostRows(gpu, options);

  const own: GPUBuffer[] = [];
  const array = (label: string, floats: number) => {
    const buffer = createArray(gpu, label, floats);
    own.push(buffer);
    return buffer;
  };
  const state = Object.fromEntries(STATE.map((name) => [name, array(name, length)])) as Record<
    typeof STATE[number],
    GPUBuffer
  >;
  const gradient = array("gradient", length), partials = array("partials", slices * products);
  const squares = array("squares", sumGroups(length)[0]), rates = array("rates", RATES.length);
  const control = array("control", CONTROL.length), extent = array("extent", 6), spare = array("spare", length);
  const history = array("history", MOST_UPDATES * CONTROL.length);
  const kinds = array("kinds", layout.kinds.length);
  const write = (buffer: GPUBuffer, data: Float32Array | Uint32Array, at = 0) =>
    device.queue.writeBuffer(buffer, 4 * at, data as Float32Array<ArrayBuffer>);
  write(kinds, layout.kinds);
  write(state.parameters, arrange(layout, first));
  write(state.ema, arrange(layout, first));

  const kernels = await createTrainingKernels(gpu, options, slices), clip = await createControl(gpu, layout);
  const clipGroup = clip.bind({ gradient, squares, rates, control });
  const optimiser = await createOptimiser(gpu, layout, { ...state, gradient, rates, control }, kinds);
  const places = createPlaces(gpu, layout, sizes.blocks);
  const weights = (name: string): Resource => {
    const { offset, floats } = parts.get(name)!;
    return { buffer: state.parameters, offset: 4 * offset, size: roundUp(4 * floats, 16) };
  };
  const pairKernels = new Map<number, ReturnType<typeof createPairKernels>>();
  const lossKernels = new Map<string, ReturnType<typeof createLoss>>();
  const estimate = createEstimator(gpu, options, weights);

  let capacity: Capacity = { rows: 0, molecules: 0, latents: 0 }, arrays: TrainingArrays | undefined;
  let shares: GPUBuffer | undefined, disposed = false, untold = 0, bound = new Map<string, Passes>();
  /** Room for a batch; at least half as much again as before, so that growing batches don't make new buffers each time. */
  const makeRoom = (batch: TrainingBatch) => {
    if (batch.rows > largest) {
      throw new RangeError(`a batch must have at most ${largest} nodes on this GPU (${gpu.label}); got ${batch.rows}`);
    }
    const asked = { rows: batch.rows, molecules: batch.molecules, latents: batch.latents.length };
    const names = Object.keys(asked) as (keyof Capacity)[];
    if (arrays && names.every((name) => asked[name] <= capacity[name])) return arrays;
    const grown = (name: keyof Capacity) =>
      asked[name] <= capacity[name] ? capacity[name] : Math.max(asked[name], Math.floor(1.5 * capacity[name]));
    capacity = { rows: Math.min(grown("rows"), largest), molecules: grown("molecules"), latents: grown("latents") };
    arrays?.dispose();
    shares?.destroy();
    bound = new Map();
    shares = createArray(gpu, "shares", sharesFloats(layout, capacity.molecules));
    return arrays = createTrainingArrays(gpu, options, capacity);
  };
  const prepare = async (batch: TrainingBatch, given: Given = "target") => {
    if (disposed) throw new Error("the training engine on the GPU has been disposed of");
    if (batch.most > mostNodes) {
      throw new RangeError(
        `molecules must have at most ${mostNodes} nodes to be trained here (${gpu.label}); got ${batch.most}`,
      );
    }
    const nodes = Math.max(FEW_NODES, roundUp(batch.most, 8));
    const key = `${nodes} ${given}`;
    if (!pairKernels.has(nodes)) pairKernels.set(nodes, createPairKernels(gpu, options, nodes));
    if (!lossKernels.has(key)) lossKernels.set(key, createLoss(gpu, { space, most: nodes, given }));
    const [pairs, loss] = await Promise.all([pairKernels.get(nodes)!, lossKernels.get(key)!]);
    const ready = { ...kernels, ...pairs, loss }, at = makeRoom(batch);
    let passes = bound.get(key);
    if (!passes) {
      const sinks = { extent, partials, shares: shares!, gradient, squares, kinds };
      const place = (name: string) => places.parts.get(name)!;
      bound.set(key, passes = bindPasses(options, ready, layout, slices, weights, place, at, sinks));
    }
    const { rows, molecules } = batch, slice = roundUp(Math.ceil(rows / slices), 16);
    const size: Extent = { rows, molecules, slice, products, shares: length - products };
    for (const name of Object.keys(at.batch) as (keyof typeof at.batch)[]) write(at.batch[name], batch[name]);
    write(extent, extentWords(size));
    return { passes, size, arrays: at };
  };

  /** In the order of asking. */
  const inTurn = pLimit(1);
  const submit = createSubmit(gpu);
  type Ready = Awaited<ReturnType<typeof prepare>>;
  /** Forward, back and the sums. */
  const differentiate = (
    encoder: GPUCommandEncoder,
    { passes, size, arrays }: Ready,
    also?: (pass: GPUComputePassEncoder) => void,
  ) => {
    encoder.clearBuffer(arrays.work.dh);
    compute(encoder, (pass) => {
      for (const part of [passes.forward, passes.loss, passes.backward, passes.sums]) part(pass, size);
      also?.(pass);
    });
  };
  const join = (groups: readonly Parameters<typeof joinGroups>[2][number][]) => joinGroups(space, sizes, groups);

  /** A pass by the weights as they are, or with the averages in their place. */
  const by = (which: Weights, encoder: GPUCommandEncoder, record: (pass: GPUComputePassEncoder) => void) => {
    if (which === "ema") {
      encoder.copyBufferToBuffer(state.parameters, 0, spare, 0, 4 * length);
      encoder.copyBufferToBuffer(state.ema, 0, state.parameters, 0, 4 * length);
    }
    compute(encoder, record);
    if (which === "ema") encoder.copyBufferToBuffer(spare, 0, state.parameters, 0, 4 * length);
  };
  /** Records an update along the gradient. */
  const move = (pass: GPUComputePassEncoder) => {
    clip.run(pass, clipGroup, [1]);
    optimiser.record(pass);
  };

  /** Of one batch. */
  const lossesOf = (groups: readonly Group[], which: Weights): Promise<LossValues> => {
    const batch = join(groups);
    return inTurn(async () => {
      const { passes, size } = await prepare(batch);
      const done = submit(
        (encoder) =>
          by(which, encoder, (pass) => [passes.forward, passes.loss, passes.sums].forEach((part) => part(pass, size))),
        [
          { buffer: gradient, at: lossesAt, floats: 3 },
        ],
      );
      return { done };
    }).then(async ({ done }) => (await done)[0]);
  };

  return {
    layout,
    mostNodes,
    update: (groups, { muon, adamw, emaDecay, clip: norm }) => {
      const batch = join(groups);
      return inTurn(async () => {
        const ready = await prepare(batch);
        write(rates, Float32Array.of(muon, adamw, emaDecay, norm));
        if (untold === MOST_UPDATES) {
          throw new Error(`${MOST_UPDATES} updates have been made of which nothing was asked`);
        }
        const slot = 4 * CONTROL.length * untold++;
        await submit((encoder) => {
          differentiate(encoder, ready, move);
          encoder.copyBufferToBuffer(control, 0, history, slot, 4 * CONTROL.length);
        }, []);
      });
    },
    step: (groups, { muon, adamw, emaDecay, clip: norm }) => {
      groups.forEach(checkJudged);
      const batch = join(groups.map((group) => ({ ...group, target: group.gradient })));
      return inTurn(async () => {
        const ready = await prepare(batch, "gradient");
        write(rates, Float32Array.of(muon, adamw, emaDecay, norm));
        const told = { buffer: control, floats: CONTROL.length };
        return { done: submit((encoder) => differentiate(encoder, ready, move), [told]) };
      }).then(async ({ done }) => (await done)[0][CONTROL.norm]);
    },
    told: () =>
      inTurn(() => {
        const count = untold;
        untold = 0;
        return Promise.resolve({ done: submit(() => {}, [{ buffer: history, floats: count * CONTROL.length }]) });
      }).then(async ({ done }) => {
        const [values] = await done;
        return Array.from({ length: values.length / CONTROL.length }, (_, k) => {
          const told = values.subarray(k * CONTROL.length, (k + 1) * CONTROL.length);
          return told[CONTROL.made] ? told.slice(CONTROL.losses, CONTROL.losses + 3) : new Float32Array(3).fill(NaN);
        });
      }),
    losses: async (groups, which) => {
      if (groups.length === 0) throw new RangeError("losses must be of at least 1 molecule; got none");
      const packs = packGroups(groups, LOSS_ROWS);
      const each = await Promise.all(packs.map((pack) => lossesOf(pack, which)));
      const counts = packs.map((pack) => pack.reduce((sum, { shape }) => sum + shape.batch, 0));
      const all = counts.reduce((a, b) => a + b);
      return new Float32Array(3).map((_, k) => each.reduce((sum, values, p) => sum + values[k] * counts[p] / all, 0));
    },
    gradient: (groups) => {
      const batch = join(groups);
      return inTurn(async () => {
        const ready = await prepare(batch);
        const [values] = await submit((encoder) => differentiate(encoder, ready), [{
          buffer: gradient,
          floats: length,
        }]);
        return { losses: values.slice(lossesAt, lossesAt + 3), gradient: disarrange(layout, values) };
      });
    },
    predict: (asked, which) => {
      const batch = join([asked]);
      return inTurn(async () => {
        const { passes, size, arrays } = await prepare(batch),
          { record, out, floats, dispose } = await estimate(asked, arrays);
        const done = submit((encoder) =>
          by(which, encoder, (pass) => {
            passes.forward(pass, size);
            record(pass);
          }), [{ buffer: out, floats }]);
        dispose();
        return { done };
      }).then(async ({ done }) => (await done)[0]);
    },
    read: () =>
      inTurn(async () => {
        const reads = [...STATE.map((name) => ({ buffer: state[name], floats: length })), {
          buffer: control,
          floats: CONTROL.length,
        }];
        const values = await submit(() => {}, reads), told = values.pop()!;
        const named = STATE.map((name, k) => [name, disarrange(layout, values[k])]);
        return { ...Object.fromEntries(named) as StateArrays, updates: told[CONTROL.count] };
      }),
    write: (values, updates) =>
      inTurn(() => {
        for (const name of STATE) write(state[name], arrange(layout, values[name]));
        write(control, Float32Array.of(updates), CONTROL.count);
        return Promise.resolve();
      }),
    dispose() {
      disposed = true;
      arrays?.dispose();
      shares?.destroy();
      optimiser.dispose();
      places.buffer.destroy();
      for (const buffer of own) buffer.destroy();
    },
  };
}
