// A sampler's step, a workgroup a molecule: z' = latent z + estimate x0 + sum_k before[k] (x0 of the call k + 1 before) + noise n, as the
// call says.
// @include latent.wgsl
// @include call.wgsl
// @include noise.wgsl
@group(0) @binding(0) var<storage, read> estimates: array<f32>; // [B, LENGTH]
@group(0) @binding(1) var<storage, read> streams: array<vec2<u32>>; // [B]: seed and index of each molecule
@group(0) @binding(2) var<uniform> call: Call;
@group(0) @binding(3) var<storage, read_write> latents: array<f32>; // [B, LENGTH]
@group(0) @binding(4) var<storage, read_write> before: array<f32>; // [keep, B, LENGTH]: estimates before, the last first
const THREADS = 64u;

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let stream = streams[group.x]; let at = group.x * LENGTH; let size = groups.x * LENGTH;
  let noisy = call.noise != 0.0;
  if (noisy) { find_mean(stream, call.draw, thread); }
  for (var k = thread; k < LENGTH; k += THREADS) {
    var z = 0.0;
    if (call.latent != 0.0) { z = call.latent * latents[at + k]; }
    if (call.estimate != 0.0) { z += call.estimate * estimates[at + k]; }
    for (var i = call.keep; i > 0u; i--) {
      let had = (i - 1u) * size + at + k;
      if (call.before[i - 1u] != 0.0) { z += call.before[i - 1u] * before[had]; }
      if (i < call.keep) { before[had + size] = before[had]; }
    }
    if (call.keep != 0u) { before[at + k] = estimates[at + k]; }
    if (noisy) { z += call.noise * centred_noise(stream, call.draw, k); }
    latents[at + k] = z;
  }
}
