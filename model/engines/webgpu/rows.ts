/** Kernels on single rows: a layer norm's moments. */
import { createKernel, type Kernel } from "./kernel.ts";
import type { Gpu } from "./device.ts";

const THREADS = 64, LANES = 16, ROWS = THREADS / LANES;

/** Mean and 1 / sqrt(variance + 1e-5) of rows `[rows, width]`, as `[rows, 2]`; runs in `momentGroups(rows)` workgroups. */
export function createMoments(gpu: Gpu, width: number): Promise<Kernel<"rows" | "moments">> {
  const sum = (term: string) => `
    var sum = 0.0;
    for (var k = lane; k < ${width}u; k += ${LANES}u) { ${term} }
    partial[row][lane] = sum;
    workgroupBarrier();
    var total = 0.0;
    for (var k = 0u; k < ${LANES}u; k++) { total += partial[row][k]; }
    workgroupBarrier();`;
  return createKernel(gpu, {
    label: `moments of ${width}`,
    bindings: {
      rows: { access: "read", type: "array<f32>" },
      moments: { access: "write", type: "array<vec2<f32>>" },
    },
    code: `
var<workgroup> partial: array<array<f32, ${LANES + 1}>, ${ROWS}>;
@compute @workgroup_size(${LANES}, ${ROWS})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
  let lane = local.x; let row = local.y;
  let at = group.x * ${ROWS}u + row;
  var mean = 0.0;
  { ${sum(`sum += rows[at * ${width}u + k];`)} mean = total / ${width}.0; }
  { ${sum(`let d = rows[at * ${width}u + k] - mean; sum += d * d;`)}
    if (lane == 0u) { moments[at] = vec2<f32>(mean, 1.0 / sqrt(total / ${width}.0 + 1e-5)); }
  }
}`,
  });
}

/** Workgroups of `createMoments`. */
export const momentGroups = (rows: number): [number] => [Math.ceil(rows / ROWS)];
