// A start matched to the data (samplers/start.ts), a workgroup a molecule: mean + spread n, where n is its first draw of noise.
// @include latent.wgsl
// @include noise.wgsl
@group(0) @binding(0) var<storage, read> streams: array<vec2<u32>>; // [B]: seed and index of each molecule
@group(0) @binding(1) var<storage, read> moments: array<f32>; // [2, LENGTH]: mean, then spread
@group(0) @binding(2) var<storage, read_write> estimates: array<f32>; // [B, LENGTH]
const THREADS = 64u;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let stream = streams[group.x];
  find_mean(stream, 0u, thread);
  for (var k = thread; k < LENGTH; k += THREADS) {
    estimates[group.x * LENGTH + k] = moments[k] + moments[LENGTH + k] * centred_noise(stream, 0u, k);
  }
}
