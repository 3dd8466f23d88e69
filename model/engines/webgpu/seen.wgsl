// The network's own estimate of the positions on the way, as its pairs see it: alpha v + sigma sum_c X_c cout[c] of the first vector, not
// centred; a thread a number. See docs/denoiser.md.
// @include latent.wgsl
// @include call.wgsl
@group(0) @binding(0) var<storage, read> latents: array<f32>; // [B, LENGTH]
@group(0) @binding(1) var<storage, read> sets: array<f32>; // [rows, 3, 16]
@group(0) @binding(2) var<storage, read> coordinates: array<f32>; // [16, VECTORS]
@group(0) @binding(3) var<storage, read> conditions: array<f32>; // [_, CONDITIONS]: alpha and sigma are the last two
@group(0) @binding(4) var<uniform> call: Call;
@group(0) @binding(5) var<storage, read_write> seen: array<f32>; // [rows, 4]
override CONDITIONS: u32 = 18u;
const THREADS = 64u;
const SETS = 16u;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let molecule = group.x; let first = molecule * NODES;
  let condition = (call.first + call.stride * molecule) * CONDITIONS + CONDITIONS - 2u;
  let alpha = conditions[condition]; let sigma = conditions[condition + 1u];
  for (var k = thread; k < 3u * NODES; k += THREADS) {
    let i = k / 3u; let axis = k % 3u;
    var o = 0.0;
    for (var c = 0u; c < SETS; c++) { o += sets[((first + i) * 3u + axis) * SETS + c] * coordinates[c * VECTORS]; }
    seen[(first + i) * 4u + axis] = alpha * latents[molecule * LENGTH + i * WIDTH + axis] + sigma * o;
  }
}
