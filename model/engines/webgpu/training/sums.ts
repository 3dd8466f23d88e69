/**
 * A gradient from its parts, in two stages and without atomics, so that the same batch gives the same bits: first each number's sum over
 * the slices or workgroups that added to it, with the squares of a workgroup's numbers; then the norm, and what an update is told.
 */
import type { Gpu } from "../device.ts";
import { createKernel, type Kernel } from "../kernel.ts";
import { CHUNK } from "./layout.ts";
import type { TrainingLayout } from "./layout.ts";
import { READ, WORDS, WRITE } from "./molecules.ts";

const T = 256, MOST = 2048;

/** Workgroups of `createSums`: also of numbers in `squares`. */
export const sumGroups = (length: number): [number] => [Math.min(MOST, Math.ceil(length / T))];

/** Sums up a workgroup's `value`s into `total`, in a fixed order. */
const sumAll = (value: string) => `
  sums[thread] = ${value};
  workgroupBarrier();
  for (var half = ${T / 2}u; half > 0u; half /= 2u) {
    if (thread < half) { sums[thread] += sums[thread + half]; }
    workgroupBarrier();
  }
  let total = sums[0];`;

/**
 * `gradient` `[length]` from `partials` `[slices, products]` and `shares` `[workgroups, shares]`, and the sums of the
 * squares of what is no padding, one a workgroup.
 */
export function createSums(
  gpu: Gpu,
  slices: number,
): Promise<Kernel<"extent" | "kinds" | "partials" | "shares" | "gradient" | "squares">> {
  return createKernel(gpu, {
    label: "sums of gradients",
    bindings: { extent: WORDS, kinds: WORDS, partials: READ, shares: READ, gradient: WRITE, squares: WRITE },
    code: `
var<workgroup> sums: array<f32, ${T}>;
@compute @workgroup_size(${T})
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  var square = 0.0;
  for (var k = group.x * ${T}u + thread; k < extent[4] + extent[5]; k += groups.x * ${T}u) {
    var sum = 0.0;
    if (k < extent[4]) {
      for (var s = 0u; s < ${slices}u; s++) { sum += partials[s * extent[4] + k]; }
    } else {
      for (var g = 0u; g < extent[2]; g++) { sum += shares[g * extent[5] + k - extent[4]]; }
    }
    gradient[k] = sum;
    if (kinds[k / ${CHUNK}u] != 0u) { square += sum * sum; }
  }
  ${sumAll("square")}
  if (thread == 0u) { squares[group.x] = total; }
}`,
  });
}

/** Numbers of `control`: what the gradient is multiplied by; 1 where an update is made, else 0; its number, from 1; the norm; losses. */
export const CONTROL = { gain: 0, made: 1, count: 2, norm: 3, losses: 4, length: 8 } as const;

/** Numbers of `rates`. */
export const RATES = { muon: 0, adamw: 1, emaDecay: 2, clip: 3, length: 4 } as const;

/** Clips to a norm of `rates`' and refuses what is no number; in one workgroup. */
export function createControl(
  gpu: Gpu,
  { parts, length }: TrainingLayout,
): Promise<Kernel<"gradient" | "squares" | "rates" | "control">> {
  const { offset } = parts.get("losses")!;
  return createKernel(gpu, {
    label: "norm of the gradient",
    bindings: { gradient: READ, squares: READ, rates: READ, control: WRITE },
    code: `
var<workgroup> sums: array<f32, ${T}>;
// By its bits, as a compiler may take comparisons for granted.
fn finite(x: f32) -> bool { return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u; }
@compute @workgroup_size(${T})
fn main(@builtin(local_invocation_index) thread: u32) {
  var square = 0.0;
  for (var k = thread; k < ${sumGroups(length)[0]}u; k += ${T}u) { square += squares[k]; }
  ${sumAll("square")}
  if (thread == 0u) {
    let norm = sqrt(total); let clip = rates[${RATES.clip}];
    let loss = gradient[${offset}] + gradient[${offset + 1}] + gradient[${offset + 2}];
    let made = finite(total) && finite(loss);
    control[${CONTROL.gain}] = select(1.0, clip / (norm + 1e-6), norm > clip);
    control[${CONTROL.made}] = select(0.0, 1.0, made);
    control[${CONTROL.count}] += select(0.0, 1.0, made);
    control[${CONTROL.norm}] = norm;
    for (var k = 0u; k < 3u; k++) { control[${CONTROL.losses}u + k] = gradient[${offset}u + k]; }
  }
}`,
  });
}
