/**
 * One batch of molecules from noise to their estimates on the GPU: noise, the network, the steps and the alignment of noise follow one
 * another there without reading back, but for the estimates whose likeliest graph violates valence, where they are to be clamped.
 */
import { latentLength } from "../../diffusion/latent.ts";
import type { BatchShape } from "../../diffusion/types.ts";
import type { Sampling } from "../../diffusion/denoiser.ts";
import { CALL_BYTES, callSlots, planCalls } from "./call.ts";
import { type ClampCrew, createClampCrew } from "./clamp_crew.ts";
import { type GpuEngine, type Lane, LANES } from "./engine.ts";
import { ALIGNMENT, createArray, createReadback, readFloats } from "./memory.ts";
import { createRunKernels } from "./run_kernels.ts";

/** What samplings run on. */
export interface RunOptions {
  readonly engine: GpuEngine;
  /** Who searches for graphs; a crew of its own where absent. */
  readonly crew?: ClampCrew;
  /** Hears of each clamped call: molecules, and how many of them the CPU had to search for. */
  readonly onClamp?: (molecules: number, searched: number) => void;
}

/** What goes together in a batch: the same but for whose molecules. */
export type Part = Pick<Sampling, "shape" | "plan" | "start" | "coupling" | "seed" | "indices" | "condition" | "clamp">;

/** Buffers of a lane beside the engine's. */
interface Own {
  readonly streams: GPUBuffer;
  readonly before: GPUBuffer;
  readonly flags: GPUBuffer;
  readonly moments: GPUBuffer;
}

/** Steps that are submitted at once: between two lots signals are looked at. */
const LOT = 4;

/** Runs batches on an engine. */
export function createRuns({ engine, onClamp, crew = createClampCrew() }: RunOptions) {
  const { gpu, network } = engine, { space } = network, { device, guard } = gpu;
  const kernelsFor = createRunKernels(gpu, space);
  const owned: (Own | undefined)[] = Array.from({ length: LANES }, () => undefined);

  /** Buffers of the sampler's own with room for so many floats. */
  const room = (lane: Lane, sizes: Readonly<Record<keyof Own, number>>): Own => {
    const made = Object.entries(sizes).map(([name, floats]) => {
      const had = owned[lane]?.[name as keyof Own];
      if (had && had.size >= 4 * floats) return [name, had];
      had?.destroy();
      return [name, createArray(gpu, name, floats)];
    });
    return owned[lane] = Object.fromEntries(made) as unknown as Own;
  };

  /** Searches for the graphs of flagged molecules and writes them; `read` is [estimates, flags]. */
  const search = async (
    read: Float32Array<ArrayBuffer>,
    { batch, nodes }: BatchShape,
    { bondSums, charges }: NonNullable<Sampling["clamp"]>,
    to: GPUBuffer,
  ) => {
    const length = latentLength(space, nodes), flags = new Uint32Array(read.buffer, 4 * batch * length, batch);
    const flagged = Array.from(flags.keys()).filter((b) => flags[b] !== 0);
    onClamp?.(batch, flagged.length);
    if (flagged.length === 0) return;
    const x0 = new Float32Array(flagged.length * length);
    flagged.forEach((b, k) => x0.set(read.subarray(b * length, (b + 1) * length), k * length));
    const shape = { batch: flagged.length, nodes };
    await crew.clamp({ x0, shape, bondSums, charges, features: space.pairs });
    flagged.forEach((b, k) => read.set(x0.subarray(k * length, (k + 1) * length), b * length));
    // One copy from the first to the last: all others are what is there already.
    const first = flagged[0] * length, end = (flagged.at(-1)! + 1) * length;
    device.queue.writeBuffer(to, 4 * first, read, first, end - first);
  };

  /** One batch, made of parts of the same plan and size. `ended`: throws where nobody waits for it any more. */
  const run = async (all: readonly Part[], lane: Lane, ended: () => void): Promise<Float32Array> => {
    const { plan, shape: { nodes }, start, condition, clamp } = all[0], length = latentLength(space, nodes);
    const batch = all.reduce((sum, { shape }) => sum + shape.batch, 0), calls = planCalls(plan, start);
    const [kernels, { ports: { latents, estimates, conditions, calls: slots }, forward }] = await Promise.all([
      kernelsFor(all[0]),
      engine.prepare({ shape: { batch, nodes }, conditions: plan.length, calls: calls.length }, lane),
    ]);
    const { streams, before, flags, moments } = room(lane, {
      streams: 2 * batch,
      before: Math.max(4, calls[1].keep! * batch * length), // only where steps look back
      flags: batch,
      moments: start ? 2 * length : 1,
    });
    const levels = plan.map((step) => step.asked ?? step);
    const rows = network.conditions({
      conditions: levels.map(({ t }) => ({ ...condition, time: t })),
      alpha: Float32Array.from(levels, ({ alpha }) => alpha),
      sigma: Float32Array.from(levels, ({ sigma }) => sigma),
    }, nodes);
    const names = Uint32Array.from(all.flatMap(({ seed, indices }) => indices.flatMap((index) => [seed, index])));
    device.queue.writeBuffer(conditions, 0, rows);
    device.queue.writeBuffer(slots, 0, callSlots(calls));
    device.queue.writeBuffer(streams, 0, names);
    if (start) {
      device.queue.writeBuffer(moments, 0, start.mean as Float32Array<ArrayBuffer>);
      device.queue.writeBuffer(moments, 4 * length, start.spread as Float32Array<ArrayBuffer>);
    }
    const call = { buffer: slots, offset: 0, size: CALL_BYTES };
    const advancing = kernels.advance.bind({ estimates, streams, call, latents, before });
    const clamping = kernels.clamp?.bind({ estimates, flags });
    const aligning = kernels.align?.bind({ estimates, call, latents });
    const advance = (pass: GPUComputePassEncoder, k: number) => {
      const { noise, alpha } = calls[k];
      kernels.advance.run(pass, advancing, [batch], [ALIGNMENT * k]);
      if (aligning && noise && alpha !== undefined) kernels.align!.run(pass, aligning, [batch], [ALIGNMENT * k]);
    };
    const readback = createReadback(gpu, "samples", batch * (length + 1));
    try {
      let encoder = device.createCommandEncoder(), pass = encoder.beginComputePass();
      const submit = () => {
        device.queue.submit([encoder.finish()]);
        encoder = device.createCommandEncoder();
      };
      let lotBefore: Promise<unknown> = Promise.resolve();
      if (start) kernels.begin!.run(pass, kernels.begin!.bind({ streams, moments, estimates }), [batch]);
      advance(pass, 0);
      for (let k = 0; k < plan.length; k++) {
        const last = k === plan.length - 1;
        const clamped = clamping !== undefined && plan[k].t <= clamp!.below;
        forward(pass, batch, ALIGNMENT * (k + 1));
        if (clamped) kernels.clamp!.run(pass, clamping, [batch]);
        if (clamped || last) {
          pass.end();
          encoder.copyBufferToBuffer(estimates, 0, readback, 0, 4 * batch * length);
          if (clamped) encoder.copyBufferToBuffer(flags, 0, readback, 4 * batch * length, 4 * batch);
          submit();
          const read = await guard(readFloats(gpu, readback, batch * (length + (clamped ? 1 : 0))));
          ended();
          if (clamped) await guard(search(read, { batch, nodes }, clamp!, estimates));
          ended();
          if (last) return read.subarray(0, batch * length);
          pass = encoder.beginComputePass();
        } else if (k % LOT === LOT - 1) {
          pass.end();
          submit();
          await guard(lotBefore);
          lotBefore = device.queue.onSubmittedWorkDone(); // there is work for the GPU while the next lot is recorded
          ended();
          pass = encoder.beginComputePass();
        }
        advance(pass, k + 1);
      }
      throw new RangeError("a plan must have at least 1 step; got none");
    } finally {
      readback.destroy();
    }
  };

  return {
    run,
    dispose() {
      crew.dispose();
      for (const buffer of owned.flatMap((own) => Object.values(own ?? {}))) buffer.destroy();
    },
  };
}
