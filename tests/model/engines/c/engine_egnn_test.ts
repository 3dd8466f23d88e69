import assert from "node:assert/strict";
import { at } from "../../../conditions.ts";
import * as tf from "@tensorflow/tfjs";
import type { Card } from "../../../../model/models/card.ts";
import {
  createEgnnDenoiser,
  createEngineEgnnDenoiser,
  egnnDenoiserNetwork,
  egnnDenoiserParameters,
  type EgnnDenoiserSizes,
} from "../../../../model/networks/egnn_denoiser.ts";
import { RELEASED_EGNN } from "../../../../model/networks/egnn_parameters.ts";
import { createNativeEgnn } from "../../../../model/engines/c/egnn_native.ts";
import { type EgnnNetwork, type EgnnNetworkOptions, lackingForEgnn } from "../../../../model/networks/egnn_network.ts";
import { createWasmEgnn } from "../../../../model/engines/c/egnn_wasm.ts";
import { createEgnnInstance } from "../../../../model/engines/c/egnn_wasm_instance.ts";
import { flatten } from "../../../../model/engines/c/parameters.ts";
import { compileWasmEngine } from "../../../../model/engines/c/wasm_module.ts";
import { createGeoldmAutoencoder, geoldmAutoencoder } from "../../../../model/networks/geoldm/autoencoder.ts";
import { engineNetworks, geoldmNetworks } from "../../../../model/models/geoldm_engine_networks.ts";
import { atomFeatures, geoldmParameters } from "../../../../model/networks/geoldm/networks.ts";
import { createSharedGpu, findAdapter } from "../../../../model/engines/webgpu/device.ts";
import { createGpuEgnn } from "../../../../model/engines/webgpu/egnn/egnn.ts";
import { drawNoise, latentLength } from "../../../../model/diffusion/latent.ts";
import { initialValues, type Values } from "../../../../model/networks/pair_attention/initialise.ts";
import { makeAutoencoder, makeDenoiser } from "../../../../model/models/parts.ts";
import { random } from "../../../../model/diffusion/random.ts";
import { cosineSchedule } from "../../../../model/diffusion/schedules.ts";
import type { StoredTensor } from "../../../../model/diffusion/safetensors.ts";
import type { BatchShape } from "../../../../model/diffusion/types.ts";
import type { Denoiser } from "../../../../model/diffusion/denoiser.ts";
import {
  expectedTensors,
  hasReference,
  importTiny,
  largest,
  molecule,
  perAtom,
  SIZES,
} from "../../networks/geoldm/geoldm_reference.ts";
import { assertAutoencoderSymmetries, assertClose, assertDenoiserSymmetries } from "../../../properties.ts";
import { hasCompiler } from "./compiler.ts";

const space = { vectors: 1, scalars: 2, pairs: 0 }, schedule = cosineSchedule({ factor: 0.99 });
const plain: EgnnDenoiserSizes = {
  width: 48,
  blocks: 2,
  ...RELEASED_EGNN,
  conditionTime: true,
  parametrisation: "eps",
};

type Tensors = Map<string, StoredTensor>;
type Create = (options: EgnnNetworkOptions, tensors: Tensors) => Promise<EgnnNetwork> | EgnnNetwork;

const hasAdapter = await findAdapter().then(() => true, () => false);
const engines: [name: string, create: Create, ignore: boolean][] = [
  ["the native engine", (options, tensors) => createNativeEgnn({ workers: 2, ...options }, tensors), !hasCompiler],
  ["the WebAssembly engine", (options, tensors) => createWasmEgnn({ workers: 2, ...options }, tensors), false],
  ["the GPU engine", (options, tensors) => createGpuEgnn({ software: true, ...options }, tensors), !hasAdapter],
];

const stored = (values: ReadonlyMap<string, Values>): Tensors =>
  new Map([...values].map(([name, { shape, data }]) => [name, { dtype: "F32", shape: [...shape], data }]));

/** Parameters larger than a fresh network's, above all those that move the coordinates, so that all of them act. */
function louder(values: ReadonlyMap<string, Values>, gain = 2): Tensors {
  for (const [name, { data }] of values) {
    const factor = name.endsWith("coordinates.out") ? 200 : gain;
    data.forEach((value, i) => data[i] = factor * value);
  }
  return stored(values);
}
const parameters = (sizes: EgnnDenoiserSizes, of = space) =>
  louder(initialValues(egnnDenoiserParameters(of, sizes), 1));

const streams = (count: number, seed = 5) => Array.from({ length: count }, (_, k) => random(seed, k));
const open = async (create: Create, sizes = plain, of = space): Promise<Denoiser> => {
  const options = { space: of, sizes, schedule };
  return createEngineEgnnDenoiser(options, await create(egnnDenoiserNetwork(options), parameters(sizes, of)));
};

/** Asserts that both denoisers say the same of every shape, and disposes of them. */
async function assertAgreement(found: Denoiser, expected: Denoiser, shapes: readonly BatchShape[]) {
  try {
    for (const shape of shapes) {
      const z = drawNoise(expected.space, shape, streams(shape.batch));
      const t = Float32Array.from({ length: shape.batch }, (_, b) => (b + 0.5) / shape.batch);
      const reference = Float32Array.from(await expected.predict(z, shape, at(t)));
      assertClose(await found.predict(z, shape, at(t)), reference, 1e-4, `${shape.batch} of ${shape.nodes} nodes`);
    }
  } finally {
    found.dispose();
    expected.dispose();
  }
}

const variants: Record<string, Partial<EgnnDenoiserSizes>> = {
  "as GeoLDM has it": {},
  "of width 32": { width: 32 },
  "of width 16 and one block": { width: 16, blocks: 1 },
  "without attention and tanh": { attention: false, tanh: false },
  "with three message layers, mean aggregation and another norm": {
    invariantLayers: 3,
    aggregation: "mean",
    normConstant: 0,
  },
  "with a normalisation factor, without time, predicting v": {
    normalisationFactor: 7,
    conditionTime: false,
    parametrisation: "v",
  },
};
/** More edges and rows than a tile has, fewer, none at all; batches that divide unevenly. */
const shapes = [[1, 1], [2, 1], [3, 7], [6, 5], [13, 9], [30, 2]].map(([nodes, batch]) => ({ nodes, batch }));

for (const [name, create, ignore] of engines) {
  for (const [variant, change] of Object.entries(variants)) {
    Deno.test({
      name: `${name} agrees with TensorFlow.js on an EGNN ${variant}`,
      ignore,
      async fn() {
        await tf.setBackend("cpu");
        const sizes = { ...plain, ...change }, options = { space, sizes, schedule };
        await assertAgreement(
          await open(create, sizes),
          createEgnnDenoiser(tf, options, parameters(sizes)),
          Object.keys(change).length === 0 ? shapes : shapes.slice(1, 4),
        );
      },
    });
  }

  Deno.test({
    name: `${name} agrees with TensorFlow.js on an EGNN of GeoLDM's size`,
    ignore,
    async fn() {
      await tf.setBackend("cpu");
      const sizes = { ...plain, width: 256, blocks: 9 }, options = { space, sizes, schedule };
      const values = stored(initialValues(egnnDenoiserParameters(space, sizes), 2));
      await assertAgreement(
        createEngineEgnnDenoiser(options, await create(egnnDenoiserNetwork(options), values)),
        createEgnnDenoiser(tf, options, values),
        [{ batch: 1, nodes: 9 }],
      );
    },
  });

  Deno.test({
    name: `${name} turns and permutes an EGNN's estimates with the latents`,
    ignore,
    async fn() {
      for (const sizes of [plain, { ...plain, attention: false, aggregation: "mean" as const }]) {
        const denoiser = await open(create, sizes);
        try {
          await assertDenoiserSymmetries(denoiser, { shape: { batch: 3, nodes: 11 } });
        } finally {
          denoiser.dispose();
        }
      }
    },
  });

  Deno.test({
    name: `${name} gives a molecule the same bits whatever stands beside it`,
    ignore,
    async fn() {
      const denoiser = await open(create), shape = { batch: 21, nodes: 9 }, length = latentLength(space, 9);
      try {
        const z = drawNoise(space, shape, streams(21)), all = await denoiser.predict(z, shape, at(0.3));
        for (const b of [0, 7, 8, 15, 20]) {
          const own = z.slice(b * length, (b + 1) * length);
          const alone = await denoiser.predict(own, { batch: 1, nodes: 9 }, at(0.3));
          assert.deepEqual(alone, all.slice(b * length, (b + 1) * length), `molecule ${b}`);
        }
        const mixed = await denoiser.predict(
          z,
          shape,
          at(Float64Array.from({ length: 21 }, (_, b) => b % 2 ? 0.3 : 0.7)),
        );
        for (const b of [1, 19]) {
          const own = mixed.slice(b * length, (b + 1) * length);
          assert.deepEqual(own, all.slice(b * length, (b + 1) * length), `molecule ${b} beside others at other times`);
        }
      } finally {
        denoiser.dispose();
      }
    },
  });

  Deno.test({
    name: `${name} runs an EGNN on positions alone`,
    ignore,
    async fn() {
      await tf.setBackend("cpu");
      const bare = { vectors: 1, scalars: 0, pairs: 0 }, options = { space: bare, sizes: plain, schedule };
      const reference = createEgnnDenoiser(tf, options, parameters(plain, bare));
      await assertAgreement(await open(create, plain, bare), reference, [{ batch: 2, nodes: 4 }]);
    },
  });

  Deno.test({
    name: `${name} refuses what does not fit an EGNN`,
    ignore,
    async fn() {
      const network = await create(egnnDenoiserNetwork({ space, sizes: plain }), parameters(plain));
      const h = new Float32Array(2 * 4 * 3), x = new Float32Array(2 * 4 * 3), shape = { batch: 2, nodes: 4 };
      const run = async (change: { h?: Float32Array; x?: Float32Array; shape?: BatchShape }) => {
        const given = { h, x, shape, ...change };
        await network.run(given, given.shape);
      };
      try {
        await assert.rejects(run({ h: h.subarray(1) }), /features must be 2 x 4 x 3 floats; got 23/);
        await assert.rejects(run({ x: x.subarray(1) }), /positions must be 2 x 4 x 3 floats; got 23/);
        await assert.rejects(run({ shape: { batch: 2, nodes: 0 } }), RangeError);
        await run({});
        await network.run({ h: new Float32Array(), x: new Float32Array() }, { batch: 0, nodes: 4 });
      } finally {
        network.dispose();
      }
      const wide = { ...plain, width: 40 }, without = parameters(plain);
      without.delete("blocks.1.coordinates.out");
      const make = async (sizes: EgnnDenoiserSizes, tensors: Tensors) =>
        await create(egnnDenoiserNetwork({ space, sizes }), tensors);
      await assert.rejects(make(wide, parameters(wide)), /multiple of 16 up to 256; got 40/);
      await assert.rejects(make(plain, without), /blocks\.1\.coordinates\.out/);
      await assert.rejects(run({}), /closed/);
    },
  });

  for (const includeCharges of [true, false]) {
    Deno.test({
      name: `${name} encodes and decodes as TensorFlow.js does, ${includeCharges ? "with" : "without"} charges`,
      ignore,
      async fn() {
        await tf.setBackend("cpu");
        const sizes = {
          ...RELEASED_EGNN,
          width: 32,
          encoderBlocks: 1,
          decoderBlocks: 2,
          elements: [1, 6, 7, 8, 9],
          includeCharges,
          latentScalars: 2,
        };
        const tensors = louder(initialValues(geoldmParameters(sizes), 3), 1.5), networks: EgnnNetwork[] = [];
        for (const network of geoldmNetworks(sizes)) networks.push(await create(network, tensors));
        const engine = geoldmAutoencoder(sizes, engineNetworks(sizes, networks, tensors));
        const reference = createGeoldmAutoencoder(tf, sizes, tensors), shape = { batch: 3, nodes: 7 };
        try {
          const z = drawNoise(space, shape, streams(3)), found = await engine.decodeArrays(z, shape);
          const expected = await reference.decodeArrays(z, shape);
          assert.equal(found.features.length, 21 * atomFeatures(sizes));
          assertClose(found.positions, expected.positions, 1e-4, "positions");
          assertClose(found.features, expected.features, 1e-4, "features");
          const molecules = await reference.decode(z, shape, streams(3));
          assertClose(await engine.encodeMeans(molecules), await reference.encodeMeans(molecules), 1e-4, "means");
          await assertAutoencoderSymmetries(engine, molecules);
        } finally {
          engine.dispose();
          reference.dispose();
        }
      },
    });
  }

  Deno.test({
    name: `${name} agrees with GeoLDM's own denoiser, encoder and decoder`,
    ignore: ignore || !hasReference,
    fn: () =>
      importTiny(async ({ denoiser: part, autoencoder: vae, space }, tensors) => {
        assert.ok(part.type === "egnn" && vae.type === "geoldm");
        const expected = expectedTensors(), value = (name: string) => expected.get(name)!;
        const rows = (z: Float32Array, from: number, to: number) => z.filter((_, i) => i % 5 >= from && i % 5 < to);
        // With alpha 0 and sigma -1 the estimate of x0 "from v" is the prediction itself.
        const options = { space, sizes: { ...part, parametrisation: "v" as const }, schedule: bare };
        const network = await create(egnnDenoiserNetwork(options), tensors(part.file));
        const denoiser = createEngineEgnnDenoiser(options, network), networks: EgnnNetwork[] = [];
        for (const one of geoldmNetworks(vae)) networks.push(await create(one, tensors(vae.file)));
        const autoencoder = geoldmAutoencoder(vae, engineNetworks(vae, networks, tensors(vae.file)));
        const close = (found: Float32Array, name: string, m: number) =>
          assertClose(
            found,
            molecule(value(name), m),
            1e-4 * largest(value(name)) / most(molecule(value(name), m)),
            name,
          );
        try {
          for (const [m, nodes] of SIZES.entries()) {
            const shape = { batch: 1, nodes };
            const t = Float32Array.of(value("phi_t").data[m]);
            close(await denoiser.predict(molecule(value("phi_z"), m), shape, at(t)), "phi_out", m);
            const decoded = await autoencoder.decodeArrays(molecule(value("dec_z"), m), shape);
            close(decoded.positions, "dec_x", m);
            close(decoded.features, "dec_h", m);
            const atomicNumbers = Uint8Array.from(perAtom(value("enc_charges"), m));
            const z = await autoencoder.encodeMeans([{ atomicNumbers, positions: molecule(value("enc_x"), m) }]);
            close(rows(z, 0, 3), "enc_mu_x", m);
            close(rows(z, 3, 5), "enc_mu_h", m);
          }
        } finally {
          denoiser.dispose();
          autoencoder.dispose();
        }
      }),
  });
}

const bare = () => ({ alpha: 0, sigma: -1, logSnr: 0 });
const most = (values: Float32Array) => Math.max(...values.map(Math.abs));

Deno.test("the WebAssembly build without relaxed SIMD agrees with the one that has it on an EGNN", async () => {
  const options = egnnDenoiserNetwork({ space, sizes: plain }), shape = { batch: 3, nodes: 8 };
  const flat = flatten(egnnDenoiserParameters(space, plain), parameters(plain));
  const draw = random(4, 0), nodes = { h: new Float32Array(72), x: new Float32Array(72) };
  draw.fillNormal(nodes.h);
  draw.fillNormal(nodes.x);
  const [simd, relaxed] = await Promise.all(
    [false, true].map(async (build) =>
      createEgnnInstance(await compileWasmEngine(build), options, flat).run(nodes, shape)
    ),
  );
  assertClose(simd.h, relaxed.h, 1e-5, "features");
  assertClose(simd.x, relaxed.x, 1e-5, "positions");
});

Deno.test("createEgnnInstance() throws when the parameters are of another network", async () => {
  const module = await compileWasmEngine(), options = egnnDenoiserNetwork({ space, sizes: plain });
  assert.throws(() => createEgnnInstance(module, options, new Float32Array(3)), /parameters must be \d+; got 3/);
});

Deno.test("lackingForEgnn() names what the engine has not", () => {
  const lacking = (change: Partial<EgnnDenoiserSizes>) =>
    lackingForEgnn(egnnDenoiserNetwork({ space, sizes: { ...plain, ...change } }));
  assert.equal(lacking({}), undefined);
  assert.match(lacking({ sinEmbedding: true })!, /sinusoidal/);
  assert.match(lacking({ width: 272 })!, /got 272/);
  assert.match(lacking({ blocks: 33 })!, /got 33/);
  assert.match(lacking({ invariantLayers: 5 })!, /got 5/);
  assert.match(lacking({ normalisationFactor: 0 })!, /got 0/);
});

Deno.test({
  name:
    "makeDenoiser() and makeAutoencoder() put EGNNs on the GPU when that is asked for, and on TensorFlow.js what is lacking there",
  ignore: !hasAdapter,
  async fn() {
    await tf.setBackend("cpu");
    const openTensors = () => Promise.resolve({ tf, name: "webgpu" as const, why: "WebGPU" });
    const openGpu = createSharedGpu({ software: true }), options = { choice: "webgpu" as const, openTensors, openGpu };
    const cardOf = (sizes: EgnnDenoiserSizes) => ({ space, denoiser: { type: "egnn", file: "d", ...sizes } as const });
    const { part, backend } = await makeDenoiser(cardOf(plain), parameters(plain), schedule, options);
    assert.equal(backend.name, "webgpu");
    assert.match(backend.why, /^the engine in WGSL on .*: asked for$/);
    assert.ok(part.can.sample, "whole samplings there");
    const sizes = {
      type: "geoldm" as const,
      file: "a",
      ...RELEASED_EGNN,
      width: 16,
      encoderBlocks: 1,
      decoderBlocks: 1,
      elements: [1, 6],
      includeCharges: false,
      latentScalars: 2,
      normalisers: [1, 4, 10] as [number, number, number],
    } satisfies Card["autoencoder"];
    const tensors = stored(initialValues(geoldmParameters(sizes), 3));
    const autoencoder = await makeAutoencoder({ ...cardOf(plain), autoencoder: sizes }, tensors, options);
    const z = drawNoise(space, { batch: 1, nodes: 3 }, streams(1));
    assert.equal((await autoencoder.decode(z, { batch: 1, nodes: 3 }, streams(1))).length, 1);
    autoencoder.dispose();
    part.dispose();
    const sinusoidal = { ...plain, sinEmbedding: true };
    const lacking = await makeDenoiser(cardOf(sinusoidal), parameters(sinusoidal), schedule, options);
    lacking.part.dispose();
    assert.deepEqual(lacking.backend, { name: "webgpu", why: "WebGPU: asked for" });
  },
});

Deno.test("makeDenoiser() runs an EGNN on the engine when it can, and on TensorFlow.js, with the reason, when not", async () => {
  await tf.setBackend("cpu");
  const openTensors = () => Promise.resolve({ tf, name: "cpu" as const, why: "plain JavaScript" });
  const make = async (change: Partial<EgnnDenoiserSizes>, choice: "wasm" | "auto" | "cpu") => {
    const sizes = { ...plain, ...change }, card = { space, denoiser: { type: "egnn", file: "d", ...sizes } as const };
    const { part, backend } = await makeDenoiser(card, parameters(sizes), schedule, {
      choice,
      openTensors,
      threads: 1,
    });
    part.dispose();
    return backend;
  };
  assert.deepEqual(await make({}, "wasm"), { name: "wasm", why: "the engine in WebAssembly: asked for" });
  assert.match((await make({}, "auto")).name, /^(native|wasm)$/);
  assert.deepEqual(await make({}, "cpu"), { name: "cpu", why: "plain JavaScript: asked for" });
  const lacking = await make({ sinEmbedding: true }, "wasm");
  assert.equal(lacking.name, "cpu");
  assert.match(lacking.why, /the engine has no sinusoidal distances/);
  assert.match((await make({ sinEmbedding: true }, "auto")).why, /not wasm: the engine has no sinusoidal distances/);
});
