// A layer of edges as one kernel (Satorras et al., 2021, eqs. 3 to 5): from projections of the nodes and their positions to the sums of
// messages that nodes hear, or to the positions that they move to. No edge's numbers are ever stored.
//
// A workgroup takes some receiving nodes i and all edges to them (`tiling.ts`). The first layer, silu(A h_i + b + B h_j + D [d, d0]), is
// computed into workgroup memory, some of its columns at a time, beside the same rows of the second layer's weights; a thread keeps the
// second layer's sums of up to 9 edges by 8 columns in registers. Then gates are summed over columns, and messages over senders.
// @include activations.wgsl
@group(0) @binding(0) var<storage, read> projections: array<vec4<f32>>; // [rows, 4 F]: source and target, of coordinates and messages
@group(0) @binding(1) var<storage, read> start: array<f32>; // [rows, 3]: positions at the network's input
@group(0) @binding(2) var<storage, read> positions: array<f32>; // [rows, 3]: at the block's
@group(0) @binding(3) var<storage, read> constants: array<vec4<f32>>; // see `packing.ts`
@group(0) @binding(4) var<storage, read> weight: array<vec4<Number>>; // [F, F]
// @block result
@group(0) @binding(5) var<storage, read_write> result: array<vec4<f32>>; // [rows, F] of messages, or [rows, 3] of positions
/** What is told by quads, or else by single numbers; and what has been. */
fn tell_quad(at: u32, value: vec4<f32>) { result[at] = value; }
fn tell(at: u32, value: f32) {}
fn told(at: u32) -> f32 { return 0.0; }
// @end
// @block precision
/** Of the second layer's products and what they read. Its sums are of 32 bits: they begin and end with each lot of terms. */
alias Number = f32;
fn begun(sum: vec4<f32>) -> vec4<f32> { return sum; }
fn ended(sum: vec4<f32>, part: vec4<f32>) -> vec4<f32> { return part; }
// @end
// @block sizes
/** Channels of a node. */
const F = 16u;
/** Terms of the second layer's sums at a time. */
const TERMS = 16u;
/** Edges of a thread, and of how many receivers they are. */
const EACH = 9u;
const HEARD = 1u;
/** Whether it is messages that are summed up, else positions are moved; and whether they have gates. */
const MESSAGES = true;
const GATED = true;
// @end
alias Quad = vec4<Number>;
/** Quads of a row, of the terms; threads of an edge, each of two quads of columns that lie so far apart. */
const Q = F / 4u;
const K = TERMS / 4u;
const LANES = F / 8u;
/** Groups of threads; each keeps EACH edges. */
const GROUPS = 8u;
const ROWS = GROUPS * EACH;
override NODES: u32 = 9u;
/** Receivers of the workgroup, rows of each, groups that share one, and how often the workgroup goes through its rows. */
override RECEIVERS: u32 = 8u;
override CAPACITY: u32 = 9u;
override PARTS: u32 = 1u;
override CHUNKS: u32 = 1u;
/** Where in a row of `projections` those of this layer begin, in quads. */
override OFFSET: u32 = 0u;
/** What an edge counts for among all of its receiver's. */
override SHARE: f32 = 1.0;
/** What is added to a distance that a difference of positions is divided by, and the range of what it is multiplied by. */
override NORM_CONSTANT: f32 = 0.0;
override RANGE: f32 = 1.0;
/** Numbers of `stage`. */
override STAGE: u32 = 1024u;
var<workgroup> left: array<array<array<Quad, K>, GROUPS>, EACH>; // a group's rows apart, so that their places are constants
var<workgroup> right: array<array<Quad, Q>, TERMS>;
var<workgroup> stage: array<f32, STAGE>;
var<workgroup> ends: array<vec2<u32>, ROWS>; // receiver and sender of an edge
var<workgroup> distances: array<vec2<f32>, ROWS>; // their squared distances, at the block and at the start
var<workgroup> gates: array<f32, 3u * ROWS>;

fn tanh1(x: f32) -> f32 { return 1.0 - 2.0 / (exp(min(2.0 * x, 80.0)) + 1.0); }
fn position(row: u32) -> vec3<f32> { return vec3<f32>(positions[3u * row], positions[3u * row + 1u], positions[3u * row + 2u]); }
fn beginning(row: u32) -> vec3<f32> { return vec3<f32>(start[3u * row], start[3u * row + 1u], start[3u * row + 2u]); }
/** What an edge's message or difference of positions is multiplied by, from the sum over its columns. */
fn gate(total: f32) -> f32 {
  // @block gate
  return total;
  // @end
}

@compute @workgroup_size(LANES, GROUPS)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let first = group.x * RECEIVERS;
  var heard: array<array<vec4<f32>, 2>, HEARD>;
  for (var chunk = 0u; chunk < CHUNKS; chunk++) {
    for (var at = thread; at < ROWS; at += F) {
      let i = first + at / CAPACITY; let own = i % NODES;
      let slot = chunk * CAPACITY + at % CAPACITY;
      let sender = select(slot + select(0u, 1u, slot >= own), own, slot >= NODES - 1u);
      let j = i - own + sender;
      let between = position(i) - position(j); let before = beginning(i) - beginning(j);
      ends[at] = vec2<u32>(i, j);
      distances[at] = vec2<f32>(dot(between, between), dot(before, before));
    }
    workgroupBarrier();
    // @unroll r EDGES=9
    // @unroll q 2
    var sum$r$q = constants[2 * Q + $q * LANES + local.x];
    // @end
    // @end
    for (var k = 0u; k < F / TERMS; k++) {
      // @unroll u TERM_QUADS=4
      let w$u = weight[k * TERMS * Q + thread + $u * F];
      // @end
      for (var at = thread; at < ROWS * K; at += F) {
        let row = at / K; let quad = k * K + at % K; let distance = distances[row];
        let source = projections[ends[row].x * F + OFFSET + quad];
        let target_ = projections[ends[row].y * F + OFFSET + Q + quad];
        left[row % EACH][row / EACH][at % K] = Quad(silu(source + target_
          + distance.x * constants[quad] + distance.y * constants[Q + quad]));
      }
      // @unroll u TERM_QUADS=4
      right[thread / Q + 4 * $u][thread % Q] = w$u;
      // @end
      workgroupBarrier();
      // @unroll r EDGES=9
      // @unroll q 2
      var part$r$q = begun(sum$r$q);
      // @end
      // @end
      // @unroll t QUADS=1
      // @block quad
      for (var quad = $t * K; quad < K; quad++) {
      // @end
        // @unroll c 4
        // @unroll q 2
        let b$c$q = right[4 * quad + $c][local.x + $q * LANES];
        // @end
        // @end
        // @unroll r EDGES=9
        {
          let a = left[$r][local.y][quad];
          // @unroll c 4
          // @unroll q 2
          part$r$q = fma(Quad(a[$c]), b$c$q, part$r$q);
          // @end
          // @end
        }
        // @end
      }
      // @end
      // @unroll r EDGES=9
      // @unroll q 2
      sum$r$q = ended(sum$r$q, part$r$q);
      // @end
      // @end
      workgroupBarrier();
    }
    // @unroll r EDGES=9
    // @unroll q 2
    sum$r$q = silu(sum$r$q);
    // @end
    // @end
    if (GATED) { // each lane's part of the gates
      // @unroll q 2
      let w$q = constants[3 * Q + $q * LANES + local.x];
      // @end
      // @unroll r EDGES=9
      stage[(local.y * EACH + $r) * (LANES + 1u) + local.x] = dot(w0, sum$r0) + dot(w1, sum$r1);
      // @end
      workgroupBarrier();
    }
    for (var row = thread; row < ROWS; row += F) {
      let share = select(0.0, SHARE, chunk * CAPACITY + row % CAPACITY < NODES - 1u);
      var total = 0.0;
      if (GATED) {
        total = constants[4 * Q].x;
        for (var lane = 0u; lane < LANES; lane++) { total += stage[row * (LANES + 1u) + lane]; }
      }
      if (MESSAGES) {
        gates[row] = share * gate(total);
      } else {
        let between = position(ends[row].x) - position(ends[row].y);
        let weight = share * gate(total) / (sqrt(dot(between, between) + 1e-8) + NORM_CONSTANT);
        // @unroll a 3
        gates[$a * ROWS + row] = weight * between[$a];
        // @end
      }
    }
    workgroupBarrier();
    if (MESSAGES) { // heard, summed over senders in order: within a thread, then over the groups of one receiver
      // @unroll r EDGES=9
      {
        let g = gates[local.y * EACH + $r];
        // @unroll q 2
        heard[$r / (EACH / HEARD)][$q] = fma(vec4<f32>(g), sum$r$q, heard[$r / (EACH / HEARD)][$q]);
        // @end
      }
      // @end
    } else {
      for (var at = thread; at < 3u * RECEIVERS; at += F) {
        var moved = 0.0;
        for (var slot = 0u; slot < CAPACITY; slot++) { moved += gates[at % 3u * ROWS + at / 3u * CAPACITY + slot]; }
        var before = positions[3u * first + at];
        if (chunk > 0u) { before = told(3u * first + at); }
        tell(3u * first + at, before + moved);
      }
    }
    if (CHUNKS > 1u) { workgroupBarrier(); }
  }
  if (MESSAGES) {
    if (PARTS == 1u) {
      // @unroll e HEARD=1
      // @unroll q 2
      tell_quad((first + local.y * HEARD + $e) * Q + local.x + $q * LANES, heard[$e][$q]);
      // @end
      // @end
    } else {
      workgroupBarrier();
      // @unroll q 2
      // @unroll c 4
      stage[local.y * F + 4u * (local.x + $q * LANES) + $c] = heard[0][$q][$c];
      // @end
      // @end
      workgroupBarrier();
      for (var at = thread; at < RECEIVERS * F; at += F) {
        let begins = at / F * PARTS * F + at % F;
        var total = stage[begins];
        for (var part = 1u; part < PARTS; part++) { total += stage[begins + part * F]; }
        tell(first * F + at, total);
      }
    }
  }
}
