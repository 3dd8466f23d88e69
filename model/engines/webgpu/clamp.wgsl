// The likeliest class of each atom and order of each pair, taken one by one, in the place of a molecule's estimates where that graph obeys
// valence and has no charge left over; else its flag is 1, and the estimates stay; an aromatic bond (order 4) is for the search, too. A workgroup a
// molecule.
// @include latent.wgsl
@group(0) @binding(0) var<storage, read_write> estimates: array<f32>; // [B, LENGTH]
@group(0) @binding(1) var<storage, read_write> flags: array<u32>; // [B]
const THREADS = 64u;
override ONE_HOT: f32 = 0.5;
// @block bonds
/** For each class the sums of bond orders that it may have: bit s is set where a sum of s may be. */
const ALLOWED = array<u32, 1>(1u);
/** The classes' formal charges, or 0 each where they need not add up to nothing. */
const CHARGES = array<i32, 1>(0i);
// @end
var<workgroup> kinds: array<u32, NODES>;
var<workgroup> orders: array<u32, NODES * NODES>;
var<workgroup> wrong: atomic<u32>;
var<workgroup> charge: atomic<i32>;

fn likeliest(first: u32, count: u32) -> u32 {
  var best = 0u;
  for (var k = 1u; k < count; k++) { if (estimates[first + k] > estimates[first + best]) { best = k; } }
  return best;
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let at = group.x * LENGTH;
  for (var i = thread; i < NODES; i += THREADS) {
    kinds[i] = likeliest(at + i * WIDTH + 3u * VECTORS, SCALARS);
    orders[i * (NODES + 1u)] = 0u;
  }
  for (var pair = thread; pair < NODES * NODES; pair += THREADS) {
    let i = pair / NODES; let j = pair % NODES;
    if (j < i) {
      let order = likeliest(at + OWN + pair * PAIRS, PAIRS);
      orders[pair] = order;
      orders[j * NODES + i] = order;
      if (order > 3u) { atomicStore(&wrong, 1u); }
    }
  }
  workgroupBarrier();
  for (var i = thread; i < NODES; i += THREADS) {
    var allowed = ALLOWED;
    var charges = CHARGES;
    var sum = 0u;
    for (var j = 0u; j < NODES; j++) { sum += orders[i * NODES + j]; }
    if (sum > 31u || ((allowed[kinds[i]] >> min(sum, 31u)) & 1u) == 0u) { atomicStore(&wrong, 1u); }
    atomicAdd(&charge, charges[kinds[i]]);
  }
  workgroupBarrier();
  let violated = select(1u, atomicLoad(&wrong), atomicLoad(&charge) == 0i);
  if (thread == 0u) { flags[group.x] = violated; }
  if (violated == 0u) {
    for (var k = thread; k < NODES * SCALARS; k += THREADS) {
      let i = k / max(SCALARS, 1u); let class_ = k % max(SCALARS, 1u);
      estimates[at + i * WIDTH + 3u * VECTORS + class_] = select(0.0, ONE_HOT, kinds[i] == class_);
    }
    for (var k = thread; k < NODES * NODES * PAIRS; k += THREADS) {
      let pair = k / max(PAIRS, 1u);
      let is = orders[pair] == k % max(PAIRS, 1u) && pair / NODES != pair % NODES;
      estimates[at + OWN + k] = select(0.0, ONE_HOT, is);
    }
  }
}
