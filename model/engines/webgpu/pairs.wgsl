// The pair network and attention of a block as one kernel: distances, shapes, messages, attention weights and coordinate weights of a pair
// live in registers and workgroup memory, and no pair tensor is ever stored. See docs/denoiser.md.
//
// A workgroup of 64 threads takes some rows (nodes i) and their molecule's nodes j, up to 64 at a time. First a thread is a pair (the pair
// network), then a row with one of 16 lanes (sums over j for message channels, a coordinate set, a head); the two meet in `stage`, 64
// numbers a pair. Where the j come in turns, attention's softmax is kept up as they go by.
// @include latent.wgsl
// @include activations.wgsl
// @include radial.wgsl
// @include geometry.wgsl
@group(0) @binding(1) var<storage, read> latents: array<f32>; // [B, LENGTH]
@group(0) @binding(2) var<storage, read> normalised1: array<f32>; // `normalised` by single numbers
@group(0) @binding(3) var<storage, read> projected: array<f32>; // [rows, STRIDE]: q, k, v and the halves of the edge layer
@group(0) @binding(4) var<storage, read> projected4: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> radial_weight: array<vec4<f32>>; // [FEATURES, 32]
@group(0) @binding(6) var<storage, read> pair_weight: array<vec4<f32>>; // [32, 64]
@group(0) @binding(7) var<storage, read> pair_bias: array<vec4<f32>>; // [64]
@group(0) @binding(8) var<storage, read_write> mixed: array<f32>; // [rows, CHANNELS + 32]: attention's output, the mean messages
@group(0) @binding(9) var<storage, read_write> updates: array<f32>; // [rows, 3, 16]: sum_j c_ij (Xn_i - Xn_j)
// @unroll own SEEN=0
@group(0) @binding(10) var<storage, read> seen: array<vec4<f32>>; // [rows]: the network's own estimate of the positions
// @end
/** Channels of a node, and numbers of a row of `projected`. */
override CHANNELS: u32 = 16u;
override STRIDE: u32 = 128u;
/** Rows of the workgroup, and nodes j at a time; see `pairTiling`. */
override ROWS: u32 = 8u;
override COLUMNS: u32 = 2u;
/** 1 / sqrt(channels of a head) */
override SCALE: f32 = 1.0;
const THREADS = 64u;
const LANES = 16u;
const SETS = 16u;
const HEADS = 16u;
const MESSAGES = 32u;
/** Quads of a hidden layer. */
const E = 8u;
/** What is known of a pair: functions of the distance, its features, functions of the distance that is estimated, distances and shapes of the sets. */
// @block features
const FEATURES = 8u + 0u + 2u * SETS;
// @end
/** Numbers of a pair: messages, what attention adds to its logits, coordinate weights. */
const OUT = 64u;
var<workgroup> first_weight: array<vec4<f32>, FEATURES * E>;
var<workgroup> second: array<vec4<f32>, MESSAGES * 16u>;
var<workgroup> stage: array<array<f32, OUT + 1u>, THREADS>; // a number longer than it needs, against bank conflicts

/** A vector of the normalised sets. */
fn vector(row: u32, lane: u32) -> vec3<f32> {
  let k = row * 48u + lane;
  return vec3<f32>(normalised1[k], normalised1[k + 16u], normalised1[k + 32u]);
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let first = group.x * ROWS;
  for (var k = thread; k < FEATURES * E; k += THREADS) { first_weight[k] = radial_weight[k]; }
  for (var k = thread; k < MESSAGES * 16u; k += THREADS) { second[k] = pair_weight[k]; }
  workgroupBarrier();
  // @unroll u ITEMS=2
  var low$u = 0.0; var high$u = 0.0; var update$u = vec3<f32>();
  var largest$u = -3.4e38; var total$u = 0.0;
  // @unroll e DEPTH=1
  var o$u$e = 0.0;
  // @end
  // @end
  let row = first + min(thread / COLUMNS, ROWS - 1u);
  let molecule = row / NODES; let i = row % NODES;
  let at = molecule * LENGTH;
  // Turns are written out: software adapters take minutes to compile a loop with a barrier around so much.
  // @unroll turn CHUNKS=1
  {
    let start = $turn * COLUMNS; let count = min(COLUMNS, NODES - $turn * COLUMNS);
    let j = min(start + thread % COLUMNS, NODES - 1u);
    let column = molecule * NODES + j;
    let node_i = at + i * WIDTH; let node_j = at + j * WIDTH;
    let r = radial(vec3<f32>(latents[node_i] - latents[node_j], latents[node_i + 1u] - latents[node_j + 1u],
      latents[node_i + 2u] - latents[node_j + 2u]));
    // @unroll p PAIRS=0
    let feature$p = latents[at + OWN + (i * NODES + j) * PAIRS + $p];
    // @end
    let a_at = row * (STRIDE / 4u) + 3u * CHANNELS / 4u; let b_at = column * (STRIDE / 4u) + 3u * CHANNELS / 4u + E;
    // @unroll e 8
    var sum$e = projected4[a_at + $e] + projected4[b_at + $e];
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
    // @unroll p PAIRS=0
    // @unroll e 8
    sum$e += feature$p * first_weight[(8 + $p) * E + $e];
    // @end
    // @end
    // @unroll own SEEN=0
    let near = radial(seen[row].xyz - seen[column].xyz);
    // @unroll c 4
    // @unroll e 8
    sum$e += near.low[$c] * first_weight[(FEATURES - 40 + $c) * E + $e];
    // @end
    // @end
    // @unroll c 4
    // @unroll e 8
    sum$e += near.high[$c] * first_weight[(FEATURES - 36 + $c) * E + $e];
    // @end
    // @end
    // @end
    // @unroll s 4
    let geometry$s = geometry(row, column, $s);
    // @unroll c 4
    // @unroll e 8
    sum$e += geometry$s.distance[$c] * first_weight[(FEATURES - 32 + 4 * $s + $c) * E + $e];
    // @end
    // @end
    // @unroll c 4
    // @unroll e 8
    sum$e += geometry$s.shape[$c] * first_weight[(FEATURES - 16 + 4 * $s + $c) * E + $e];
    // @end
    // @end
    // @end
    // @unroll e 8
    let hidden$e = silu(sum$e);
    // @end
    // Sixteen numbers of the pair at a time: messages twice, what attention adds to its logits, coordinate weights.
    // @unroll part 4
    {
      // @unroll q 4
      var y$q = pair_bias[4 * $part + $q];
      // @end
      // @unroll h 8
      // @unroll c 4
      // @unroll q 4
      y$q += hidden$h[$c] * second[16 * (4 * $h + $c) + 4 * $part + $q];
      // @end
      // @end
      // @end
      // @unroll q 4
      if ($part < 2) { y$q = silu(y$q); }
      if ($part == 3) { y$q = y$q / (3.0 * (1.0 + geometry$q.distance)); }
      if ($part != 2) { y$q = select(y$q, vec4<f32>(), i == j); }
      // @unroll c 4
      stage[thread][16 * $part + 4 * $q + $c] = y$q[$c];
      // @end
      // @end
    }
    // @end
    workgroupBarrier();
    // @unroll u ITEMS=2
    {
      let item = thread + $u * THREADS;
      let line = item / LANES; let lane = item % LANES;
      let row = first + line;
      if (line < ROWS) {
        let neighbours = row / NODES * NODES + start;
        for (var j = 0u; j < count; j++) {
          low$u += stage[line * COLUMNS + j][lane];
          high$u += stage[line * COLUMNS + j][lane + LANES];
        }
        let xi = vector(row, lane);
        for (var j = 0u; j < count; j++) {
          update$u += stage[line * COLUMNS + j][lane + MESSAGES + HEADS] * (xi - vector(neighbours + j, lane));
        }
        let q_at = row * STRIDE + lane;
        // @unroll e DEPTH=1
        let q$e = projected[q_at + $e * HEADS];
        // @end
        var most = largest$u;
        for (var j = 0u; j < count; j++) {
          let k_at = (neighbours + j) * STRIDE + CHANNELS + lane;
          let logit = stage[line * COLUMNS + j][lane + MESSAGES] + SCALE * (0.0
            // @unroll e DEPTH=1
            + q$e * projected[k_at + $e * HEADS]
            // @end
          );
          stage[line * COLUMNS + j][lane + MESSAGES] = logit;
          most = max(most, logit);
        }
        if ($turn > 0) {
          let kept = exp(largest$u - most); total$u *= kept;
          // @unroll e DEPTH=1
          o$u$e *= kept;
          // @end
        }
        largest$u = most;
        for (var j = 0u; j < count; j++) {
          let share = exp(stage[line * COLUMNS + j][lane + MESSAGES] - most);
          total$u += share;
          let v_at = (neighbours + j) * STRIDE + 2u * CHANNELS + lane;
          // @unroll e DEPTH=1
          o$u$e += share * projected[v_at + $e * HEADS];
          // @end
        }
      }
    }
    // @end
    if (start + COLUMNS < NODES) { workgroupBarrier(); } // there is another turn
  }
  // @end
  // @unroll u ITEMS=2
  {
    let item = thread + $u * THREADS;
    let line = item / LANES; let lane = item % LANES;
    let row = first + line;
    if (line < ROWS) {
      let out = row * (CHANNELS + MESSAGES) + lane;
      // @unroll e DEPTH=1
      mixed[out + $e * HEADS] = o$u$e / total$u;
      // @end
      mixed[out + CHANNELS] = low$u * 0.3333333333333333;
      mixed[out + CHANNELS + LANES] = high$u * 0.3333333333333333;
      // @unroll a 3
      updates[row * 48u + 16u * $a + lane] = update$u[$a];
      // @end
    }
  }
  // @end
}
