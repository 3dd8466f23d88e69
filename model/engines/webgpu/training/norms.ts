/** Back through a layer norm without affine part. */
import type { Gpu } from "../device.ts";
import { createKernel, type Kernel } from "../kernel.ts";
import { READ, WRITE } from "./molecules.ts";

const LANES = 16, ROWS = 4;

/**
 * dh += r (d - mean(d) - y mean(d y)) with y = (h - m) r: `rows` are h `[rows, width]`, `moments` m and r, `dnormed` d. Runs in
 * `normGroups(rows)` workgroups.
 */
export function createNormBackward(gpu: Gpu, width: number): Promise<Kernel<"rows" | "moments" | "dnormed" | "dh">> {
  return createKernel(gpu, {
    label: "layer norm, backward",
    bindings: { rows: READ, moments: { access: "read", type: "array<vec2<f32>>" }, dnormed: READ, dh: WRITE },
    code: `
var<workgroup> partial: array<array<vec2<f32>, ${LANES}>, ${ROWS}>;
@compute @workgroup_size(${LANES}, ${ROWS})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
  let lane = local.x; let row = group.x * ${ROWS}u + local.y; let at = row * ${width}u; let m = moments[row];
  var sum = vec2<f32>();
  for (var k = lane; k < ${width}u; k += ${LANES}u) {
    let d = dnormed[at + k];
    sum += vec2<f32>(d, d * (rows[at + k] - m.x) * m.y);
  }
  partial[local.y][lane] = sum;
  workgroupBarrier();
  var total = vec2<f32>();
  for (var k = 0u; k < ${LANES}u; k++) { total += partial[local.y][k]; }
  total /= ${width}.0;
  for (var k = lane; k < ${width}u; k += ${LANES}u) {
    dh[at + k] += m.y * (dnormed[at + k] - total.x - (rows[at + k] - m.x) * m.y * total.y);
  }
}`,
  });
}

/** Workgroups of `createNormBackward`. */
export const normGroups = (rows: number): [number] => [Math.ceil(rows / ROWS)];
