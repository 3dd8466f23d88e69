// x0 of latents and an EGNN's output, a workgroup a molecule: the displacement of the positions without its mean, and the features.
// @include latent.wgsl
// @include call.wgsl
@group(0) @binding(0) var<storage, read> latents: array<f32>; // [B, LENGTH]
@group(0) @binding(1) var<storage, read> conditions: array<f32>; // [_, CONDITIONS]: time, what x0 takes of z, and of the prediction, properties
@group(0) @binding(2) var<uniform> call: Call;
@group(0) @binding(3) var<storage, read> start: array<f32>; // [rows, 3]
@group(0) @binding(4) var<storage, read> positions: array<f32>; // [rows, 3]
@group(0) @binding(5) var<storage, read> out: array<f32>; // [rows, OUTPUTS]
@group(0) @binding(6) var<storage, read_write> estimates: array<f32>; // [B, LENGTH]
override OUTPUTS: u32 = 1u;
override CONDITIONS: u32 = 3u;
const THREADS = 64u;
var<workgroup> mean: array<f32, 3>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let first = group.x * NODES;
  let condition = (call.first + call.stride * group.x) * CONDITIONS;
  let of_z = conditions[condition + 1u]; let of_prediction = conditions[condition + 2u];
  if (thread < 3u) {
    var sum = 0.0;
    for (var i = 0u; i < NODES; i++) {
      let at = 3u * (first + i) + thread;
      sum += positions[at] - start[at];
    }
    mean[thread] = sum / f32(NODES);
  }
  workgroupBarrier();
  for (var k = thread; k < OWN; k += THREADS) {
    let row = first + k / WIDTH; let c = k % WIDTH;
    var prediction = 0.0;
    if (c < 3u) {
      prediction = positions[3u * row + c] - start[3u * row + c] - mean[c];
    } else {
      prediction = out[row * OUTPUTS + c - 3u];
    }
    let at = first * WIDTH + k;
    // What is left out may not be finite.
    var x0 = 0.0;
    if (of_z != 0.0) { x0 = of_z * latents[at]; }
    if (of_prediction != 0.0) { x0 += of_prediction * prediction; }
    estimates[at] = x0;
  }
}
