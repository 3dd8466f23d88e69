import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { angle, nmse } from "../../../../bench/statistics.ts";
import { trainingBatch } from "../../../../bench/training_batch.ts";
import { latentLength } from "../../../../model/diffusion/latent.ts";
import type { Group } from "../../../../model/diffusion/learner.ts";
import { chooseKernel, type Kernel } from "../../../../model/engines/c/kernels.ts";
import { createNativeEngine, type NativeEngine } from "../../../../model/engines/c/native_engine.ts";
import { flatten } from "../../../../model/engines/c/parameters.ts";
import type { Precision } from "../../../../model/engines/runtimes.ts";
import { rowsOf } from "../../../../model/networks/pair_attention/conditions.ts";
import { readCard } from "../../../../model/models/card.ts";
import { readWeights } from "../../../../model/models/weights.ts";
import { type PairAttentionSizes, sizesOf } from "../../../../model/networks/pair_attention/parameters.ts";
import { makeGroups } from "../../../../model/training/batches.ts";
import { runSchedule, runSpace } from "../../../../model/training/settings.ts";
import { smallExamples } from "../../training/molecules.ts";
import { shaken } from "../shaken.ts";
import { drawnGroups } from "./drawn_groups.ts";
import { kernelHere, kernelsHere, NARROW } from "./narrow.ts";

const kernel = (index: number, name: string, faster = false): Kernel => ({
  index,
  name,
  precision: name.split("-")[1] as Precision,
  faster,
});
const [plain, half, brain] = [kernel(0, "big-f32"), kernel(1, "big-f16", true), kernel(2, "big-bf16")];
const all = [plain, half, brain, kernel(3, "small-bf16", true)];

Deno.test("chooseKernel() takes the first kernel of a precision, and on auto the first that is faster than single precision", () => {
  for (const [precision, name] of [["f32", "big-f32"], ["f16", "big-f16"], ["bf16", "big-bf16"]] as const) {
    assert.equal(chooseKernel(all, precision, "").name, name);
  }
  assert.equal(chooseKernel(all, "auto", "").name, "big-f16");
  assert.equal(chooseKernel([plain, brain], "auto", "").name, "big-f32", "16 bits that are no faster are not worth it");
});

Deno.test("chooseKernel() takes the kernel that is named where it computes in what is asked for", () => {
  assert.equal(chooseKernel(all, "bf16", "small-bf16").name, "small-bf16");
  assert.equal(chooseKernel(all, "auto", "big-f32").name, "big-f32");
  assert.equal(chooseKernel(all, "f16", "small-bf16").name, "big-f16");
});

Deno.test("chooseKernel() refuses a precision that the processor lacks, and a name of none of its kernels", () => {
  assert.throws(() => chooseKernel([plain, brain], "f16", ""), {
    name: "RangeError",
    message: "the native engine computes in f32, bf16 on this processor; asked for f16",
  });
  assert.throws(() => chooseKernel([plain, half], "f32", "huge-f16"), {
    name: "RangeError",
    message: "MOLSTEP_ISA must name a kernel of this processor: big-f32, big-f16; got huge-f16",
  });
});

const space = runSpace(), SHAKEN = { width: 64, blocks: 2 };
const shipped = fileURLToPath(new URL("../../../../weights/qm9", import.meta.url)), card = await readCard(shipped);
assert.ok(card.denoiser.type === "pair-attention");
const SHIPPED = sizesOf(card.denoiser), weights = `${shipped}/${card.denoiser.file}`;
const trained = async () => await readWeights(weights);

/** Noisy latents of two molecules, over and over, at many times; and of longer chains. */
const groups = [
  ...makeGroups({ examples: smallExamples(), batch: 32, seed: 1, update: 0, schedule: runSchedule() }),
  trainingBatch({ batch: 21, nodes: 9 }),
];

type Values = Parameters<typeof flatten>[1];

function open({ precision, name }: Kernel, sizes: PairAttentionSizes, values: Values): NativeEngine {
  const engine = createNativeEngine({ space, sizes, threads: 2, train: true, precision, isa: name });
  engine.array("parameters").set(flatten(engine.specs, values));
  engine.refresh();
  return engine;
}

const estimate = (engine: NativeEngine, { z, shape, ...at }: Group) => engine.predict(z, shape, rowsOf(at, undefined));

/** Losses, gradient and estimates. */
async function told(kernel: Kernel, sizes: PairAttentionSizes, values: Values, groups: readonly Group[]) {
  const engine = open(kernel, sizes, values);
  try {
    const { positions, scalars, bonds } = await engine.gradient(groups), gradient = engine.array("gradient").slice();
    const estimates = await Promise.all(groups.map((group) => estimate(engine, group)));
    return {
      loss: positions + scalars + bonds,
      gradient,
      estimates: Float32Array.from(estimates.flatMap((one) => [...one])),
    };
  } finally {
    engine.dispose();
  }
}

/**
 * Bounds of what 16 bits may be off by: three times what AVX512-FP16 and AVX512-BF16 were, on random weights and on the shipped ones, whose
 * gradient is small and the rest of large parts that cancel.
 */
const BOUNDS = {
  f16: { random: { nmse: 3e-7, loss: 4e-5, degrees: 0.07 }, trained: { nmse: 8e-6, loss: 5e-4, degrees: 5 } },
  bf16: { random: { nmse: 2e-6, loss: 4e-5, degrees: 0.35 }, trained: { nmse: 4.5e-5, loss: 2.8e-3, degrees: 16 } },
} as const;

for (const precision of NARROW) {
  for (
    const [which, sizes, values, given] of [
      ["random", SHAKEN, () => shaken(space, SHAKEN), () => groups],
      // Elsewhere than near molecules a trained network's gradient is the small rest of huge parts.
      ["trained", SHIPPED, trained, () => drawnGroups(shipped, 192)],
    ] as const
  ) {
    Deno.test({
      name:
        `products in ${precision} are off by no more than their rounding, in estimates, losses and gradients: ${which} weights`,
      ignore: !kernelHere(precision),
      async fn() {
        const latents = await given();
        const first = await told(kernelHere("f32")!, sizes, await values(), latents);
        const own = await told(kernelHere(precision)!, sizes, await values(), latents), most = BOUNDS[precision][which];
        const seen = {
          nmse: nmse(own.estimates, first.estimates),
          loss: Math.abs(own.loss / first.loss - 1),
          degrees: angle(own.gradient, first.gradient),
        };
        if (Deno.env.get("MOLSTEP_TEST_PRINT")) console.log(precision, which, seen);
        assert.ok(seen.nmse > 1e-9, `no products of 16 bits: ${seen.nmse}`);
        for (const name of ["nmse", "loss", "degrees"] as const) {
          assert.ok(seen[name] < most[name], `${name}: ${seen[name]}, not below ${most[name]}`);
        }
      },
    });
  }
}

for (const kernel of kernelsHere) {
  Deno.test(`a molecule's estimate has the same bits whatever stands beside it: ${kernel.name}`, async () => {
    const engine = open(kernel, SHIPPED, await trained());
    try {
      for (const group of groups) {
        const { shape: { batch, nodes }, z, alpha, sigma, conditions } = group, length = latentLength(space, nodes);
        const together = await estimate(engine, group);
        for (const b of new Set([0, 1, batch >> 1, batch - 1])) {
          const one = {
            ...group,
            shape: { batch: 1, nodes },
            z: z.slice(b * length, (b + 1) * length),
            conditions: [conditions[b]],
            alpha: alpha.slice(b, b + 1),
            sigma: sigma.slice(b, b + 1),
          };
          const alone = await estimate(engine, one);
          assert.deepEqual(alone, together.slice(b * length, (b + 1) * length), `molecule ${b} of ${batch}`);
        }
      }
    } finally {
      engine.dispose();
    }
  });
}
