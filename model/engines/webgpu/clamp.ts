/**
 * Clamping estimates to graphs that obey valence (heavy_atom/clamp.ts) where that is simple: the likeliest class of each atom and
 * order of each pair, taken one by one, mostly obeys it already, and is put in the estimate's place on the GPU. The
 * others are flagged, for the search on the CPU.
 */
import { elementOf } from "../../../chem/elements.ts";
import { ONE_HOT, ORDERS } from "../../networks/heavy_atom/space.ts";
import type { HeavyAtomClass } from "../../diffusion/types.ts";
import { latentLength } from "../../diffusion/latent.ts";
import type { LatentSpace } from "../../diffusion/types.ts";
import type { Gpu } from "./device.ts";
import { createKernel, type Kernel } from "./kernel.ts";
import { float } from "./text.ts";

const THREADS = 64;

/**
 * Clamps `estimates` `[B, L]` in place, or sets `flags[b]` to 1 for a molecule whose likeliest graph violates valence, which is left.
 * Runs in a workgroup a molecule.
 */
export function createClamp(
  gpu: Gpu,
  space: LatentSpace,
  nodes: number,
  classes: readonly HeavyAtomClass[],
): Promise<Kernel<"estimates" | "flags">> {
  const { vectors: V, scalars: K, pairs: P } = space, width = 3 * V + K, own = nodes * width;
  if (K !== classes.length || P !== ORDERS) {
    throw new RangeError(`a latent of ${classes.length} classes and ${ORDERS} orders asked, ${K} and ${P} given`);
  }
  const bonds = classes.map(([element, hydrogens]) => elementOf(element).valence - hydrogens);
  return createKernel(gpu, {
    label: `clamp of ${nodes} nodes`,
    bindings: {
      estimates: { access: "write", type: "array<f32>" },
      flags: { access: "write", type: "array<u32>" },
    },
    code: `
const BONDS = array<i32, ${K}>(${bonds.join(", ")});
var<workgroup> kinds: array<u32, ${nodes}>;
var<workgroup> orders: array<u32, ${nodes * nodes}>;
var<workgroup> wrong: atomic<u32>;
fn likeliest(first: u32, count: u32) -> u32 {
  var best = 0u;
  for (var k = 1u; k < count; k++) { if (estimates[first + k] > estimates[first + best]) { best = k; } }
  return best;
}
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let at = group.x * ${latentLength(space, nodes)}u;
  for (var i = thread; i < ${nodes}u; i += ${THREADS}u) {
    kinds[i] = likeliest(at + i * ${width}u + ${3 * V}u, ${K}u);
    orders[i * ${nodes + 1}u] = 0u;
  }
  for (var pair = thread; pair < ${nodes * nodes}u; pair += ${THREADS}u) {
    let i = pair / ${nodes}u; let j = pair % ${nodes}u;
    if (j < i) {
      let order = likeliest(at + ${own}u + pair * ${P}u, ${P}u);
      orders[pair] = order;
      orders[j * ${nodes}u + i] = order;
    }
  }
  workgroupBarrier();
  for (var i = thread; i < ${nodes}u; i += ${THREADS}u) {
    var bonds = BONDS;
    var excess = -bonds[kinds[i]];
    for (var j = 0u; j < ${nodes}u; j++) { excess += i32(orders[i * ${nodes}u + j]); }
    if (excess != 0) { atomicStore(&wrong, 1u); }
  }
  workgroupBarrier();
  let violated = atomicLoad(&wrong);
  if (thread == 0u) { flags[group.x] = violated; }
  if (violated == 0u) {
    for (var k = thread; k < ${nodes * K}u; k += ${THREADS}u) {
      let i = k / ${K}u; let class_ = k % ${K}u;
      estimates[at + i * ${width}u + ${3 * V}u + class_] = select(0.0, ${float(ONE_HOT)}, kinds[i] == class_);
    }
    for (var k = thread; k < ${nodes * nodes * P}u; k += ${THREADS}u) {
      let pair = k / ${P}u;
      let is = orders[pair] == k % ${P}u && pair / ${nodes}u != pair % ${nodes}u;
      estimates[at + ${own}u + k] = select(0.0, ${float(ONE_HOT)}, is);
    }
  }
}`,
  });
}
