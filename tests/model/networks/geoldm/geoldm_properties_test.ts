import { RELEASED_EGNN } from "../../../../model/networks/egnn_parameters.ts";
import assert from "node:assert/strict";
import type * as tfjs from "@tensorflow/tfjs";
import type { Molecule } from "../../../../chem/molecule.ts";
import { openBackend } from "../../../../model/engines/tensorflow/open.ts";
import { createGeoldmAutoencoder, POSTERIOR_DEVIATION } from "../../../../model/networks/geoldm/autoencoder.ts";
import { decodeLatents, encodeMeans, geoldmParameters } from "../../../../model/networks/geoldm/networks.ts";
import { createIdentityAutoencoder } from "../../../../model/networks/identity.ts";
import { initialValues } from "../../../../model/networks/pair_attention/initialise.ts";
import { random } from "../../../../model/diffusion/random.ts";
import { assertAutoencoderSymmetries, assertClose, assertGradient } from "../../../properties.ts";

const elements = [1, 6, 7, 8, 9];
const sizes = {
  width: 16,
  ...RELEASED_EGNN,
  encoderBlocks: 1,
  decoderBlocks: 2,
  elements,
  includeCharges: true,
  latentScalars: 2,
};

/** Random atoms; autoencoders do not mind that these are no molecules. */
function scattered(seed: number, atoms = 7): Molecule {
  const draw = random(seed), positions = new Float32Array(3 * atoms);
  draw.fillNormal(positions);
  return {
    atomicNumbers: Uint8Array.from({ length: atoms }, () => elements[draw.integer(5)]),
    positions: positions.map((value) => 2 * value + 1),
  };
}

const molecules = [scattered(1), scattered(2), scattered(3)];

for (const includeCharges of [true, false]) {
  const charges = includeCharges ? "with" : "without";
  Deno.test(`createGeoldmAutoencoder() is equivariant ${charges} charges`, async () => {
    const { tf } = await openBackend("cpu"), own = { ...sizes, includeCharges };
    const autoencoder = createGeoldmAutoencoder(tf, own, initialValues(geoldmParameters(own), 3));
    await assertAutoencoderSymmetries(autoencoder, molecules);
    autoencoder.dispose();
  });

  Deno.test(`createIdentityAutoencoder() is equivariant and exact ${charges} charges`, async () => {
    const autoencoder = createIdentityAutoencoder({ elements, includeCharges, normalisers: [2, 4, 10] });
    await assertAutoencoderSymmetries(autoencoder, molecules);
    const z = await autoencoder.encode(molecules, []);
    const back = await autoencoder.decode(z, { batch: 3, nodes: 7 }, []);
    back.forEach(({ atomicNumbers, positions }, b) => {
      assert.deepEqual(atomicNumbers, molecules[b].atomicNumbers);
      const first = molecules[b].positions.map((value, i) => value - molecules[b].positions[i % 3]);
      assertClose(positions.map((value, i) => value - positions[i % 3]), first, 1e-6, "positions up to a shift");
    });
  });
}

Deno.test("createIdentityAutoencoder() divides positions, types and charges by their factors", async () => {
  const autoencoder = createIdentityAutoencoder({ elements, includeCharges: true, normalisers: [2, 4, 10] });
  const z = await autoencoder.encode([{
    atomicNumbers: Uint8Array.of(8, 1),
    positions: Float32Array.of(0, 0, 1, 0, 0, -1),
  }], []);
  assert.deepEqual(
    Array.from(z),
    [0, 0, 0.5, 0, 0, 0, 0.25, 0, 0.8, 0, 0, -0.5, 0.25, 0, 0, 0, 0, 0.1].map(Math.fround),
  );
});

Deno.test("encode() draws around the posterior's mean, each molecule from its own stream", async () => {
  const { tf } = await openBackend("cpu");
  const autoencoder = createGeoldmAutoencoder(tf, sizes, initialValues(geoldmParameters(sizes), 3));
  const mean = Float32Array.from(await autoencoder.encodeMeans(molecules));
  const drawn = await autoencoder.encode(molecules, [random(1, 0), random(1, 1), random(1, 2)]);
  const deviation = Math.hypot(...drawn.map((value, i) => value - mean[i])) / Math.sqrt(drawn.length);
  assert.ok(deviation > 0.7 * POSTERIOR_DEVIATION && deviation < 1.3 * POSTERIOR_DEVIATION, `${deviation}`);
  const alone = await autoencoder.encode([molecules[1]], [random(1, 1)]);
  assertClose(alone, drawn.subarray(alone.length, 2 * alone.length), 1e-5, "alone");
  autoencoder.dispose();
});

Deno.test("encode() refuses several sizes, unknown elements and an empty batch", async () => {
  const autoencoder = createIdentityAutoencoder({ elements, includeCharges: false, normalisers: [1, 1, 1] });
  const encode = (molecules: Molecule[]) => () => autoencoder.encode(molecules, []);
  await assert.rejects(encode([scattered(1, 3), scattered(1, 4)]), /one size.*3 and 4/);
  await assert.rejects(encode([{ atomicNumbers: Uint8Array.of(26), positions: new Float32Array(3) }]), /; got 26/);
  await assert.rejects(encode([]), /molecules of a batch must be at least 1; got 0/);
});

Deno.test("encodeMeans() and decodeLatents() have the gradients that finite differences give", async () => {
  const { tf } = await openBackend("cpu"), values = initialValues(geoldmParameters(sizes), 3);
  for (const { data } of values.values()) data.forEach((value, i) => data[i] = 1.5 * value);
  const names = [...values.keys()], N = 4, x = new Float32Array(3 * N), h = new Float32Array(6 * N);
  const fixed = Object.fromEntries([...values].map(([name, { data, shape }]) => [name, tf.tensor(data, shape)]));
  random(21).fillNormal(x);
  random(22).fillNormal(h);
  /** Through both networks, so that every parameter but those of the unused variances matters. */
  const loss = (params: Record<string, tfjs.Tensor>, positions: tfjs.Tensor): tfjs.Scalar => {
    const z = encodeMeans(tf, params, sizes, positions, tf.tensor3d(h, [1, N, 6]));
    const out = decodeLatents(tf, params, sizes, z), all = tf.concat([out.x, out.h, z], -1);
    const weights = tf.reshape(tf.sin(tf.range(0, all.size)), all.shape as [number, number, number]);
    return tf.sum(tf.mul(tf.square(all), weights));
  };
  const positions = tf.tensor3d(x, [1, N, 3]);
  const ofX = tf.tidy(() => tf.grad((at) => loss(fixed, at))(positions).dataSync() as Float32Array);
  assertGradient((at) => tf.tidy(() => loss(fixed, tf.tensor3d(at, [1, N, 3])).dataSync()[0]), ofX, x);
  const gradients = tf.tidy(() =>
    tf.grads((...tensors: tfjs.Tensor[]) =>
      loss(Object.fromEntries(tensors.map((tensor, i) => [names[i], tensor])), positions)
    )(names.map((name) => fixed[name])).map((gradient) => gradient.dataSync() as Float32Array)
  );
  // One step along all parameters at once, and along each network's own.
  for (const part of ["", "encoder.", "decoder."]) {
    const chosen = names.flatMap((name, i) => name.startsWith(part) ? [i] : []);
    const flat = (of: (i: number) => Float32Array) => Float32Array.from(chosen.flatMap((i) => Array.from(of(i))));
    const value = (at: Float32Array) => {
      let from = 0;
      return tf.tidy(() => {
        const params = { ...fixed };
        for (const i of chosen) {
          const { shape, size } = fixed[names[i]];
          params[names[i]] = tf.tensor(at.slice(from, from += size), shape);
        }
        return loss(params, positions).dataSync()[0];
      });
    };
    assertGradient(value, flat((i) => gradients[i]), flat((i) => values.get(names[i])!.data), {
      step: 1e-2,
      tolerance: 1e-2,
    });
  }
  tf.dispose([positions, ...Object.values(fixed)]);
});
