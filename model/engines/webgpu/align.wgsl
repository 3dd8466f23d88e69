// Aligns what of the positions of latents is not alpha x0 to those of x0, in place: `realign` of coupling/align.ts, in 32 bits. A workgroup
// a molecule.
// @include latent.wgsl
// @include call.wgsl
// @include turn.wgsl
// @include assignment.wgsl
@group(0) @binding(0) var<storage, read> estimates: array<f32>; // [B, LENGTH]: x0
@group(0) @binding(1) var<uniform> call: Call;
@group(0) @binding(2) var<storage, read_write> latents: array<f32>; // [B, LENGTH]
/** Most rounds of an assignment and a turn. */
override ROUNDS: u32 = 3u;
var<workgroup> noise: array<vec3<f32>, NODES>;
var<workgroup> order: array<u32, NODES>;
var<workgroup> h: array<vec3<f32>, 3>;
var<workgroup> turn: array<vec3<f32>, 3>;
var<workgroup> settled: u32;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let at = group.x * LENGTH;
  for (var i = thread; i < NODES; i += THREADS) {
    let k = at + i * WIDTH;
    x[i] = vec3<f32>(estimates[k], estimates[k + 1u], estimates[k + 2u]);
    noise[i] = vec3<f32>(latents[k], latents[k + 1u], latents[k + 2u]) - call.alpha * x[i];
    turned[i] = noise[i];
  }
  workgroupBarrier();
  for (var round = 0u; round < ROUNDS; round++) {
    assign(thread);
    if (thread == 0u) {
      var same = round > 0u;
      for (var i = 0u; i < NODES; i++) { same = same && order[i] == column_of[i]; }
      settled = u32(same);
    }
    if (workgroupUniformLoad(&settled) != 0u) { break; } // the turn is the best for this order already
    for (var i = thread; i < NODES; i += THREADS) { order[i] = column_of[i]; }
    workgroupBarrier();
    if (thread < 3u) {
      var sum = vec3<f32>();
      for (var i = 0u; i < NODES; i++) { sum += x[i] * noise[order[i]][thread]; }
      h[thread] = sum;
    }
    workgroupBarrier();
    if (thread == 0u) { turn = nearest_orthogonal(h); }
    workgroupBarrier();
    for (var i = thread; i < NODES; i += THREADS) {
      turned[i] = vec3<f32>(dot(turn[0], noise[i]), dot(turn[1], noise[i]), dot(turn[2], noise[i]));
    }
    workgroupBarrier();
  }
  for (var i = thread; i < NODES; i += THREADS) {
    let k = at + i * WIDTH; let z = call.alpha * x[i] + turned[order[i]];
    latents[k] = z.x; latents[k + 1u] = z.y; latents[k + 2u] = z.z;
  }
}
