import assert from "node:assert/strict";
import { realign } from "../../../../model/diffusion/coupling/align.ts";
import { nearestOrthogonal } from "../../../../model/diffusion/coupling/turn.ts";
import { createAlign } from "../../../../model/engines/webgpu/align.ts";
import { CALL_BYTES, callSlots } from "../../../../model/engines/webgpu/call.ts";
import type { Gpu } from "../../../../model/engines/webgpu/device.ts";
import { createKernel } from "../../../../model/engines/webgpu/kernel.ts";
import { ALIGNMENT, createArray, createReadback, readFloats } from "../../../../model/engines/webgpu/memory.ts";
import { assemble } from "../../../../model/engines/webgpu/wgsl.ts";
import { drawNoise, latentLength } from "../../../../model/diffusion/latent.ts";
import { random } from "../../../../model/diffusion/random.ts";
import type { BatchShape, LatentSpace } from "../../../../model/diffusion/types.ts";
import { orthogonal, turnLatents } from "../../../properties.ts";
import { found, withGpu } from "./network.ts";

const plain: LatentSpace = { vectors: 1, scalars: 0, pairs: 0 }, rich = { vectors: 2, scalars: 3, pairs: 2 };

const draw = (space: LatentSpace, shape: BatchShape, seed: number) =>
  drawNoise(space, shape, Array.from({ length: shape.batch }, (_, b) => random(seed, b, 99)));

/** Latents whose positions keep to the first axes, turned anyhow. */
function flattened(z: Float32Array, space: LatentSpace, shape: BatchShape, axes: number) {
  const length = latentLength(space, shape.nodes), width = 3 * space.vectors + space.scalars;
  const flat = z.map((value, k) => {
    const inMolecule = k % length, axis = inMolecule % width;
    return inMolecule < shape.nodes * width && axis >= axes && axis < 3 ? 0 : value;
  });
  return axes === 3 ? flat : turnLatents(flat, space, shape, orthogonal(shape.nodes));
}

/** What the kernel makes of z. */
async function aligned(
  gpu: Gpu,
  z: Float32Array,
  x0: Float32Array,
  space: LatentSpace,
  shape: BatchShape,
  alpha: number,
) {
  const { device } = gpu, kernel = await createAlign(gpu, space, shape.nodes);
  const latents = createArray(gpu, "latents", z.length), estimates = createArray(gpu, "estimates", z.length);
  const slots = device.createBuffer({ size: ALIGNMENT, usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST });
  device.queue.writeBuffer(latents, 0, z as Float32Array<ArrayBuffer>);
  device.queue.writeBuffer(estimates, 0, x0 as Float32Array<ArrayBuffer>);
  device.queue.writeBuffer(slots, 0, callSlots([{ first: 0, stride: 0, alpha }]));
  const group = kernel.bind({ estimates, call: { buffer: slots, offset: 0, size: CALL_BYTES }, latents });
  const out = await read(gpu, latents, z.length, (pass) => kernel.run(pass, group, [shape.batch], [0]));
  for (const buffer of [latents, estimates, slots]) buffer.destroy();
  return out;
}

/** What is in a buffer after some work. */
async function read(gpu: Gpu, buffer: GPUBuffer, floats: number, work: (pass: GPUComputePassEncoder) => void) {
  const { device, guard } = gpu, readback = createReadback(gpu, "read", floats);
  const encoder = device.createCommandEncoder(), pass = encoder.beginComputePass();
  work(pass);
  pass.end();
  encoder.copyBufferToBuffer(buffer, 0, readback, 0, 4 * floats);
  device.queue.submit([encoder.finish()]);
  const values = await guard(readFloats(gpu, readback, floats));
  readback.destroy();
  return values;
}

/** What differs between two latents of a molecule in positions, at most, and in all else. */
function difference(a: Float32Array, b: Float32Array, nodes: number, width: number) {
  let position = 0, other = 0;
  a.forEach((value, k) => {
    const by = Math.abs(value - b[k]);
    if (k < nodes * width && k % width < 3) position = Math.max(position, by);
    else other = Math.max(other, by);
  });
  return { position, other };
}

/** |x - z|^2 of a molecule. */
const distance = (x: Float32Array, z: Float32Array) => x.reduce((sum, value, k) => sum + (value - z[k]) ** 2, 0);

for (const [axes, lie] of ["in one place", "on a line", "in a plane", "anyhow"].entries()) {
  Deno.test({
    name: `the GPU aligns noise as realign() does to points that lie ${lie}`,
    ignore: !found.gpu,
    fn: () =>
      withGpu(async (gpu) => {
        let molecules = 0, others = 0;
        for (const [nodes, batch] of [[2, 40], [3, 40], [5, 40], [9, 40], [20, 40], [33, 10], [70, 4]]) {
          const space = nodes > 9 ? plain : rich, shape = { batch, nodes }, length = latentLength(space, nodes);
          const x = flattened(draw(space, shape, 1), space, shape, axes), noise = draw(space, shape, 2);
          for (const [alpha, sigma] of [[0, 1], [0.8, 0.6], [1, 0.02]]) {
            const z = noise.map((value, k) => alpha * x[k] + sigma * value), expected = z.slice();
            realign(expected, x, space, shape, alpha);
            const actual = await aligned(gpu, z, x, space, shape, alpha);
            for (let b = 0; b < batch; b++) {
              const [own, here, target] = [actual, expected, x].map((all) =>
                all.subarray(b * length, (b + 1) * length)
              );
              const { position, other } = difference(own, here, nodes, 3 * space.vectors + space.scalars);
              assert.equal(other, 0);
              // Where two orders are as good to rounding, it may be the other.
              molecules++, others += Number(position > 1e-5);
              const [far, asked] = [own, here].map((positions) => distance(target, positions));
              assert.ok(
                Math.abs(far - asked) < 1e-5 * (1 + asked),
                `${nodes} nodes, alpha ${alpha}: ${far} for ${asked}`,
              );
            }
          }
        }
        assert.ok(others <= 0.01 * molecules, `${others} of ${molecules} lie otherwise`);
      }),
  });
}

Deno.test({
  name: "the GPU finds the orthogonal matrix that nearestOrthogonal() does, where little or nothing decides on it, too",
  ignore: !found.gpu,
  fn: () =>
    withGpu(async (gpu) => {
      const outer = (a: number[], b: number[]) => a.flatMap((x) => b.map((y) => x * y)), stream = random(5);
      const sum = (a: number[], b: number[]) => a.map((value, k) => value + b[k]);
      const vector = () => [0, 1, 2].map(() => stream.normal());
      const dyads = (count: number) =>
        Array.from({ length: count }, () => outer(vector(), vector())).reduce(sum, Array(9).fill(0));
      const some = (make: () => number[]) => Array.from({ length: 50 }, make);
      const all = [
        ...[0, 1, 2, 3].flatMap((rank) => some(() => dyads(rank))),
        ...some(() => dyads(3).map((value) => 1e-12 * value)),
        outer([0, 0, 1], [0, 0, -1]),
        outer([1, 2, 3], [-1, -2.05, -3]),
        [1, 0, 0, 0, 1, 0, 0, 0, -1],
      ];
      const kernel = await createKernel(gpu, {
        label: "turns",
        bindings: { given: { access: "read", type: "array<f32>" }, found: { access: "write", type: "array<f32>" } },
        code: `${assemble("// @include turn.wgsl")}
@compute @workgroup_size(1)
fn main(@builtin(workgroup_id) group: vec3<u32>) {
  var h: array<vec3<f32>, 3>;
  for (var k = 0u; k < 9u; k++) { h[k % 3u][k / 3u] = given[9u * group.x + k]; }
  var turn = nearest_orthogonal(h);
  for (var k = 0u; k < 9u; k++) { found[9u * group.x + k] = turn[k / 3u][k % 3u]; }
}`,
      });
      const floats = 9 * all.length, [given, turns] = ["given", "turns"].map((name) => createArray(gpu, name, floats));
      gpu.device.queue.writeBuffer(given, 0, Float32Array.from(all.flat()));
      const group = kernel.bind({ given, found: turns });
      const actual = await read(gpu, turns, floats, (pass) => kernel.run(pass, group, [all.length]));
      all.forEach((h, m) => {
        const expected = new Float64Array(9);
        nearestOrthogonal(Float64Array.from(h, Math.fround), expected);
        const error = expected.reduce((most, value, k) => Math.max(most, Math.abs(value - actual[9 * m + k])), 0);
        assert.ok(error < 1e-4, `${h}: ${actual.slice(9 * m, 9 * m + 9)} for ${expected}`);
      });
    }),
});

Deno.test({
  name: "the GPU aligns a molecule beside one whose estimates are no numbers",
  ignore: !found.gpu,
  fn: () =>
    withGpu(async (gpu) => {
      const shape = { batch: 1, nodes: 9 }, x = draw(plain, shape, 1), z = draw(plain, shape, 2);
      const twice = Float32Array.of(...z, ...z), broken = Float32Array.of(...x.map(() => NaN), ...x);
      const beside = await aligned(gpu, twice, broken, plain, { batch: 2, nodes: 9 }, 0);
      assert.deepEqual(beside.slice(27), await aligned(gpu, z, x, plain, shape, 0));
    }),
});
