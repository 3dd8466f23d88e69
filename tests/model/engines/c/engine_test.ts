import { shaken } from "../shaken.ts";
import assert from "node:assert/strict";
import { at, timesOf } from "../../../conditions.ts";
import * as tf from "@tensorflow/tfjs";
import { build, BUILDS, COMPILER } from "../../../../model/engines/c/build_wasm.ts";
import { createNativeDenoiser } from "../../../../model/engines/c/native_denoiser.ts";
import { createNativeEngine } from "../../../../model/engines/c/native_engine.ts";
import { flatten, unflatten } from "../../../../model/engines/c/parameters.ts";
import { createWasmDenoiser } from "../../../../model/engines/c/wasm_denoiser.ts";
import { createWasmInstance } from "../../../../model/engines/c/wasm_instance.ts";
import { compileWasmEngine } from "../../../../model/engines/c/wasm_module.ts";
import { conditioned } from "../../../../model/diffusion/condition.ts";
import { rowsOf } from "../../../../model/networks/pair_attention/conditions.ts";
import { drawNoise, latentLength } from "../../../../model/diffusion/latent.ts";
import {
  createPairAttention,
  lossAndGradients,
  toTensors,
} from "../../../../model/networks/pair_attention/denoiser.ts";
import { widened } from "../../../../model/networks/pair_attention/levels.ts";
import { random } from "../../../../model/diffusion/random.ts";
import { cosineSchedule } from "../../../../model/diffusion/schedules.ts";
import type { PairAttentionSizes } from "../../../../model/networks/pair_attention/parameters.ts";
import type { Group } from "../../../../model/diffusion/learner.ts";
import type { BatchShape } from "../../../../model/diffusion/types.ts";
import type { Denoiser } from "../../../../model/diffusion/denoiser.ts";
import { has, hasCompiler } from "./compiler.ts";

const space = { vectors: 3, scalars: 12, pairs: 4 }, sizes = { width: 32, blocks: 2 }, schedule = cosineSchedule();

const parameters = () => shaken(space, sizes);

const streams = (count: number, seed = 5) => Array.from({ length: count }, (_, k) => random(seed, k));

/** A group with one-hot targets. */
function group(shape: BatchShape): Group {
  const { batch, nodes } = shape, length = latentLength(space, nodes), draw = streams(batch);
  const z = drawNoise(space, shape, draw), target = drawNoise(space, shape, draw);
  for (let b = 0; b < batch; b++) {
    const scalars = (i: number) => b * length + i * 21 + 9;
    for (let i = 0; i < nodes; i++) {
      target.fill(0, scalars(i), scalars(i) + 12)[scalars(i) + draw[b].integer(12)] = 0.5;
      for (let j = 0; j < i; j++) {
        const order = draw[b].integer(4);
        for (const [p, q] of [[i, j], [j, i]]) {
          const at = b * length + nodes * 21 + (p * nodes + q) * 4;
          target.fill(0, at, at + 4)[at + order] = 0.5;
        }
      }
    }
  }
  const times = draw.map((stream) => ({ time: Math.fround(stream.uniform()) }));
  return {
    shape,
    z,
    target,
    ...conditioned(times, schedule),
    weights: Float32Array.from({ length: 3 * batch }, (_, k) => 1 + 0.5 * k),
  };
}

/** Largest difference relative to the largest value of `expected`. */
function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  assert.equal(actual.length, expected.length);
  let error = 0, largest = 0;
  for (let k = 0; k < expected.length; k++) {
    error = Math.max(error, Math.abs(actual[k] - expected[k]));
    largest = Math.max(largest, Math.abs(expected[k]));
  }
  return error / largest;
}

type Make = (sizes: PairAttentionSizes) => Promise<Denoiser>;
const engines: [name: string, make: Make, ignore: boolean][] = [
  [
    "the WebAssembly engine",
    (sizes) => createWasmDenoiser({ space, sizes, schedule, workers: 2 }, shaken(space, sizes)),
    false,
  ],
  [
    "the native engine",
    (sizes) => createNativeDenoiser({ space, sizes, schedule, workers: 2 }, shaken(space, sizes)),
    !hasCompiler,
  ],
];
/** The same network, and one that sees its own estimate. */
const seeing = { ...sizes, estimates: true }, networks = [sizes, seeing];

for (const [name, make, ignore] of engines) {
  Deno.test({
    name: `${name} agrees with TensorFlow.js at every size`,
    ignore,
    async fn() {
      await tf.setBackend("cpu");
      for (const sizes of networks) {
        const engine = await make(sizes);
        const reference = createPairAttention(tf, { space, sizes, schedule }, shaken(space, sizes));
        try {
          for (const shape of [1, 2, 3, 8, 9, 13].map((nodes, k) => ({ nodes, batch: 2 * k + 1 }))) {
            const z = drawNoise(space, shape, streams(shape.batch));
            const t = Float32Array.from({ length: shape.batch }, (_, b) => (b + 0.5) / shape.batch);
            const error = relativeError(
              await engine.predict(z, shape, at(t)),
              await reference.predict(z, shape, at(t)),
            );
            assert.ok(error < 1e-5, `${shape.nodes} nodes: ${error}`);
          }
        } finally {
          engine.dispose();
          reference.dispose();
        }
      }
    },
  });

  Deno.test({
    name: `${name} agrees with TensorFlow.js where exponentials leave float32's range`,
    ignore,
    async fn() {
      await tf.setBackend("cpu");
      for (const sizes of networks) {
        const engine = await make(sizes);
        const reference = createPairAttention(tf, { space, sizes, schedule }, shaken(space, sizes));
        try {
          const shape = { batch: 3, nodes: 6 }, z = drawNoise(space, shape, streams(3)).map((value) => 1000 * value);
          const error = relativeError(
            await engine.predict(z, shape, at(0.5)),
            await reference.predict(z, shape, at(0.5)),
          );
          assert.ok(error < 1e-4, `${error}`);
        } finally {
          engine.dispose();
          reference.dispose();
        }
      }
    },
  });

  Deno.test({
    name: `${name} gives no numbers for a molecule that has none, and leaves others alone`,
    ignore,
    async fn() {
      const engine = await make(seeing), shape = { batch: 3, nodes: 5 }, length = latentLength(space, 5);
      try {
        const z = drawNoise(space, shape, streams(3)), sound = await engine.predict(z, shape, at(0.5));
        z[length] = NaN;
        const broken = await engine.predict(z, shape, at(0.5));
        assert.ok(broken.subarray(length, length + 3).every(Number.isNaN));
        for (const b of [0, 2]) {
          assert.deepEqual(broken.slice(b * length, (b + 1) * length), sound.slice(b * length, (b + 1) * length));
        }
      } finally {
        engine.dispose();
      }
    },
  });

  Deno.test({
    name: `${name} gives a molecule the same bits whatever stands beside it`,
    ignore,
    async fn() {
      const engine = await make(seeing), shape = { batch: 21, nodes: 9 }, length = latentLength(space, 9);
      try {
        const z = drawNoise(space, shape, streams(21)), all = await engine.predict(z, shape, at(0.3));
        for (const b of [0, 7, 8, 15, 20]) {
          const own = z.slice(b * length, (b + 1) * length);
          const alone = await engine.predict(own, { batch: 1, nodes: 9 }, at(0.3));
          assert.deepEqual(alone, all.slice(b * length, (b + 1) * length), `molecule ${b}`);
        }
      } finally {
        engine.dispose();
      }
    },
  });

  Deno.test({
    name: `${name} refuses latents of another length`,
    ignore,
    async fn() {
      const engine = await make(sizes);
      try {
        await assert.rejects(async () => await engine.predict(new Float32Array(7), { batch: 1, nodes: 9 }, at(0.5)), {
          name: "RangeError",
          message: "latents must be 1 x 513 floats; got 7",
        });
      } finally {
        engine.dispose();
      }
    },
  });
}

Deno.test("the WebAssembly build without relaxed SIMD agrees with the one that has it", async () => {
  const flat = flatten(
    (await import("../../../../model/networks/pair_attention/parameters.ts")).pairAttentionParameters(space, seeing),
    shaken(space, seeing),
  );
  const shape = { batch: 5, nodes: 9 },
    z = drawNoise(space, shape, streams(5)),
    rows = rowsOf(conditioned(Array(5).fill({ time: 0.4 }), schedule));
  const [plain, relaxed] = await Promise.all(
    [false, true].map(async (build) =>
      createWasmInstance(await compileWasmEngine(build), space, seeing, flat).predict(z, shape, rows)
    ),
  );
  assert.ok(relativeError(plain, relaxed) < 1e-5);
});

Deno.test("createWasmInstance() throws when the parameters are of another network", async () => {
  const module = await compileWasmEngine();
  assert.throws(() => createWasmInstance(module, space, sizes, new Float32Array(3)), /parameters must be \d+; got 3/);
  assert.throws(() => createWasmInstance(module, space, { width: 20, blocks: 1 }, new Float32Array(3)), RangeError);
});

/** A native engine of which no parameter is zero, ready to train. */
function trainingEngine(own: PairAttentionSizes = sizes) {
  const engine = createNativeEngine({ space, sizes: own, threads: 2, train: true });
  engine.array("parameters").set(flatten(engine.specs, shaken(space, own)));
  engine.refresh();
  return engine;
}

/** A network that is told the number of steps, and a batch at several of them. */
const told = { ...sizes, levels: 4 };
const withSteps = (one: Group): Group => ({
  ...one,
  conditions: one.conditions.map((condition, b) => ({ ...condition, steps: [1, 3, 8, 100][b % 4] })),
});

Deno.test({
  name: "a network that is told the number of steps: the engines and TensorFlow.js agree in estimates and gradients",
  ignore: !hasCompiler,
  async fn() {
    await tf.setBackend("cpu");
    const plain = parameters(), values = widened(plain, 4), weight = values.get("input.weight")!;
    const shape = { batch: 7, nodes: 6 }, batch = withSteps(group(shape)), options = { space, sizes: told, schedule };
    const several = batch.conditions.map(({ steps }) => steps!), times = timesOf(batch.conditions);
    const asked = async (one: Denoiser, steps?: number | number[]) => {
      try {
        return await one.predict(batch.z, shape, at(times, steps));
      } finally {
        one.dispose();
      }
    };
    // Of zero weight, the features say nothing: the widened network says what the plain one says.
    const before = await asked(await createNativeDenoiser({ ...options, sizes }, plain));
    assert.ok(relativeError(await asked(await createNativeDenoiser(options, values), 8), before) < 1e-6);

    weight.data.forEach((_, k) => weight.data[k] += 0.1 * Math.sin(k));
    const reference = await asked(createPairAttention(tf, options, values), several);
    assert.ok(relativeError(await asked(await createNativeDenoiser(options, values), several), reference) < 1e-4);
    assert.ok(relativeError(await asked(await createWasmDenoiser(options, values), several), reference) < 1e-4);
    assert.ok(relativeError(await asked(await createNativeDenoiser(options, values), 8), reference) > 1e-3);
    await assert.rejects(asked(await createNativeDenoiser(options, values)), /must be told the number of steps/);

    const engine = createNativeEngine({ space, sizes: told, threads: 2, train: true });
    try {
      engine.array("parameters").set(flatten(engine.specs, values));
      engine.refresh();
      await engine.gradient([batch]);
      const { gradients } = await lossAndGradients(tf, { space, ...told }, toTensors(tf, engine.specs, values), batch);
      const flat = unflatten(engine.specs, engine.array("gradient"));
      for (const { name } of engine.specs) {
        const error = relativeError(flat.get(name)!.data, await gradients[name].data());
        assert.ok(error < 1e-4, `${name}: ${error}`);
      }
    } finally {
      engine.dispose();
    }
  },
});

Deno.test({
  name: "the native engine's losses and gradients agree with TensorFlow.js's",
  ignore: !hasCompiler,
  async fn() {
    await tf.setBackend("cpu");
    for (const sizes of networks) {
      const engine = trainingEngine(sizes);
      try {
        for (const shape of [{ batch: 19, nodes: 7 }, { batch: 3, nodes: 2 }]) {
          const batch = group(shape), tensors = toTensors(tf, engine.specs, shaken(space, sizes));
          const { losses, gradients } = await lossAndGradients(tf, { space, ...sizes }, tensors, batch);
          const mine = await engine.gradient([batch]), flat = unflatten(engine.specs, engine.array("gradient"));
          for (const part of ["positions", "scalars", "bonds"] as const) {
            assert.ok(Math.abs(mine[part] / losses.parts[part] - 1) < 1e-5, part);
          }
          for (const { name } of engine.specs) {
            const error = relativeError(flat.get(name)!.data, await gradients[name].data());
            assert.ok(error < 1e-4, `${name}: ${error}`);
          }
          tf.dispose([tensors, gradients]);
        }
      } finally {
        engine.dispose();
      }
    }
  },
});

Deno.test({
  name: "the native engine's gradient of several groups is their weighted mean",
  ignore: !hasCompiler,
  async fn() {
    const engine = trainingEngine();
    try {
      const groups = [group({ batch: 9, nodes: 9 }), group({ batch: 3, nodes: 4 })];
      const alone: Float32Array[] = [];
      for (const one of groups) {
        await engine.gradient([one]);
        alone.push(engine.array("gradient").slice());
      }
      await engine.gradient(groups);
      const mean = alone[0].map((value, k) => (9 * value + 3 * alone[1][k]) / 12);
      assert.ok(relativeError(engine.array("gradient"), mean) < 1e-5);
    } finally {
      engine.dispose();
    }
  },
});

Deno.test({
  name: "the native engine's update changes nothing when the gradient is no number",
  ignore: !hasCompiler,
  async fn() {
    const engine = trainingEngine();
    try {
      const bad = group({ batch: 4, nodes: 5 }), rates = { muon: 0.02, adamw: 0.002, emaDecay: 0.9, clip: 10 };
      bad.z[0] = NaN;
      await engine.gradient([bad]);
      const before = engine.array("parameters").slice();
      assert.ok(!Number.isFinite(await engine.update(1, rates)));
      assert.deepEqual(engine.array("parameters"), before);
    } finally {
      engine.dispose();
    }
  },
});

const hasClang = await has(COMPILER) && await has(COMPILER.replace("clang", "wasm-ld"));

Deno.test({
  name: "the shipped WebAssembly is what the compiler makes of the source",
  ignore: !hasClang,
  async fn() {
    for (const { file, features } of BUILDS) {
      const shipped = await Deno.readFile(new URL(`../../../../model/engines/c/${file}`, import.meta.url));
      assert.deepEqual(build(COMPILER, features), shipped, file);
    }
  },
});
