// The network's end, a workgroup a molecule: from the last sets, the end's product and the noisy latent to the estimate of x0 as a latent.
// See docs/denoiser.md, "Outputs".
// @include latent.wgsl
// @include call.wgsl
// @include activations.wgsl
// @include radial.wgsl
// @include geometry.wgsl
@group(0) @binding(1) var<storage, read> latents: array<f32>; // [B, LENGTH]
@group(0) @binding(2) var<storage, read> sets: array<f32>; // [rows, 3, 16]
@group(0) @binding(3) var<storage, read> ends: array<f32>; // [rows, END_FLOATS]: logits of classes, then what nodes add to their bonds
@group(0) @binding(4) var<storage, read> ends4: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> pair_weight: array<vec4<f32>>; // [FEATURES, 32]
@group(0) @binding(6) var<storage, read> pair_bias: array<vec4<f32>>; // [32]
@group(0) @binding(7) var<storage, read> out_weight: array<vec4<f32>>; // [32, 4 Q]
@group(0) @binding(8) var<storage, read> out_bias: array<vec4<f32>>; // [4 Q]
@group(0) @binding(9) var<storage, read> coordinates: array<f32>; // [16, VECTORS]
@group(0) @binding(10) var<storage, read> conditions: array<f32>; // [_, CONDITIONS]: alpha and sigma are the last two
@group(0) @binding(11) var<uniform> call: Call;
@group(0) @binding(12) var<storage, read_write> estimates: array<f32>; // [B, LENGTH]
override CONDITIONS: u32 = 18u;
override ONE_HOT: f32 = 0.5;
/** Where in a row of `ends` what nodes add to their bonds begins, in quads. */
override END_QUADS: u32 = 4u;
/** Floats of a row of `ends`. */
override END_FLOATS: u32 = 64u;
const THREADS = 64u;
const SETS = 16u;
const HIDDEN = 32u;
/** Quads of the hidden layer. */
const E = 8u;
// @block features
/** What is known of a pair: functions of the distance, its features, functions of the distance that is estimated, distances of the sets. */
const FEATURES = 8u + 1u + SETS;
/** Quads of bond orders. */
const Q = 1u;
// @end
var<workgroup> first_weight: array<vec4<f32>, FEATURES * E>;
var<workgroup> second: array<vec4<f32>, HIDDEN * Q>;
var<workgroup> mean: array<f32, 3>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let molecule = group.x; let at = molecule * LENGTH; let first = molecule * NODES;
  let condition = (call.first + call.stride * molecule) * CONDITIONS + CONDITIONS - 2u;
  let alpha = conditions[condition]; let sigma = conditions[condition + 1u];
  for (var k = thread; k < FEATURES * E; k += THREADS) { first_weight[k] = pair_weight[k]; }
  for (var k = thread; k < HIDDEN * Q; k += THREADS) { second[k] = out_weight[k]; }

  // vectors: alpha v + sigma O with O_v = sum_c X_c cout[c, v]
  for (var k = thread; k < NODES * 3u * VECTORS; k += THREADS) {
    let i = k / (3u * VECTORS); let v = k % (3u * VECTORS) / 3u; let axis = k % 3u;
    var o = 0.0;
    for (var c = 0u; c < SETS; c++) { o += sets[((first + i) * 3u + axis) * SETS + c] * coordinates[c * VECTORS + v]; }
    let place = at + i * WIDTH + 3u * v + axis;
    estimates[place] = alpha * latents[place] + sigma * o;
  }
  // classes
  for (var i = thread; i < NODES; i += THREADS) {
    let logits = (first + i) * END_FLOATS; let place = at + i * WIDTH + 3u * VECTORS;
    var most = ends[logits];
    for (var k = 1u; k < SCALARS; k++) { most = max(most, ends[logits + k]); }
    var total = 0.0;
    for (var k = 0u; k < SCALARS; k++) { total += exp(ends[logits + k] - most); }
    for (var k = 0u; k < SCALARS; k++) { estimates[place + k] = ONE_HOT * exp(ends[logits + k] - most) / total; }
  }
  storageBarrier();
  workgroupBarrier();
  if (thread < 3u) { // the position's mean
    var sum = 0.0;
    for (var i = 0u; i < NODES; i++) { sum += estimates[at + i * WIDTH + thread]; }
    mean[thread] = sum / f32(NODES);
  }
  workgroupBarrier();
  for (var k = thread; k < 3u * NODES; k += THREADS) { estimates[at + k / 3u * WIDTH + k % 3u] -= mean[k % 3u]; }

  // @unroll own SEEN=0
  storageBarrier(); // bonds see the positions
  workgroupBarrier();
  // @end
  // bond orders
  for (var pair = thread; pair < NODES * NODES; pair += THREADS) {
    let i = pair / NODES; let j = pair % NODES; let row = first + i; let column = first + j;
    let node_i = at + i * WIDTH; let node_j = at + j * WIDTH;
    let r = radial(vec3<f32>(latents[node_i] - latents[node_j], latents[node_i + 1u] - latents[node_j + 1u],
      latents[node_i + 2u] - latents[node_j + 2u]));
    // @unroll p PAIRS=1
    let feature$p = latents[at + OWN + (i * NODES + j) * PAIRS + $p];
    // @end
    // @unroll e 8
    var sum$e = (ends4[row * (END_FLOATS / 4u) + END_QUADS + $e] + ends4[column * (END_FLOATS / 4u) + END_QUADS + $e]) + pair_bias[$e];
    // @end
    // @unroll c 4
    // @unroll e 8
    sum$e += r.low[$c] * first_weight[$c * E + $e];
    // @end
    // @end
    // @unroll c 4
    // @unroll e 8
    sum$e += r.high[$c] * first_weight[(4 + $c) * E + $e];
    // @end
    // @end
    // @unroll p PAIRS=1
    // @unroll e 8
    sum$e += feature$p * first_weight[(8 + $p) * E + $e];
    // @end
    // @end
    // @unroll own SEEN=0
    let near = radial(vec3<f32>(estimates[node_i] - estimates[node_j], estimates[node_i + 1u] - estimates[node_j + 1u],
      estimates[node_i + 2u] - estimates[node_j + 2u]));
    // @unroll c 4
    // @unroll e 8
    sum$e += near.low[$c] * first_weight[(FEATURES - 24 + $c) * E + $e];
    // @end
    // @end
    // @unroll c 4
    // @unroll e 8
    sum$e += near.high[$c] * first_weight[(FEATURES - 20 + $c) * E + $e];
    // @end
    // @end
    // @end
    // @unroll s 4
    let distance$s = geometry(row, column, $s).distance;
    // @unroll c 4
    // @unroll e 8
    sum$e += distance$s[$c] * first_weight[(FEATURES - 16 + 4 * $s + $c) * E + $e];
    // @end
    // @end
    // @end
    // @unroll e 8
    let hidden$e = silu(sum$e);
    // @end
    var z: array<vec4<f32>, Q>;
    // @unroll q QUADS=1
    z[$q] = out_bias[$q];
    // @end
    // @unroll h 8
    // @unroll c 4
    // @unroll q QUADS=1
    z[$q] += hidden$h[$c] * second[(4 * $h + $c) * Q + $q];
    // @end
    // @end
    // @end
    var most = z[0][0];
    // @unroll p PAIRS=1
    most = max(most, z[$p / 4][$p % 4]);
    // @end
    // @unroll q QUADS=1
    z[$q] = exp(z[$q] - most);
    // @end
    let scale = select(ONE_HOT / (0.0
      // @unroll p PAIRS=1
      + z[$p / 4][$p % 4]
      // @end
    ), 0.0, i == j);
    let place = at + OWN + pair * PAIRS;
    // @unroll p PAIRS=1
    estimates[place + $p] = scale * z[$p / 4][$p % 4];
    // @end
  }
}
