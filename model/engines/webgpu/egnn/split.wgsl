// From latents to what an EGNN reads, a thread a row: the scalars, 1 where there are none, the time where there is room for it, and
// properties; the positions. See networks/egnn_denoiser.ts.
// @include latent.wgsl
// @include call.wgsl
@group(0) @binding(0) var<storage, read> latents: array<f32>; // [B, LENGTH]
@group(0) @binding(1) var<storage, read> conditions: array<f32>; // [_, CONDITIONS]
@group(0) @binding(2) var<uniform> call: Call;
@group(0) @binding(3) var<storage, read_write> features: array<f32>; // [rows, INPUTS]
@group(0) @binding(4) var<storage, read_write> start: array<f32>; // [rows, 3]
override INPUTS: u32 = 1u;
override PROPERTIES: u32 = 0u; // the last so many of INPUTS, and of CONDITIONS
override CONDITIONS: u32 = 3u;
const THREADS = 64u;

@compute @workgroup_size(THREADS)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let row = id.x;
  for (var a = 0u; a < 3u; a++) { start[row * 3u + a] = latents[row * WIDTH + a]; }
  let condition = (call.first + call.stride * (row / NODES)) * CONDITIONS;
  for (var k = 0u; k < INPUTS; k++) {
    var value = 1.0;
    if (k < SCALARS) {
      value = latents[row * WIDTH + 3u + k];
    } else if (k >= INPUTS - PROPERTIES) {
      value = conditions[condition + CONDITIONS + k - INPUTS];
    } else if (k >= max(SCALARS, 1u)) {
      value = conditions[condition];
    }
    features[row * INPUTS + k] = value;
  }
}
