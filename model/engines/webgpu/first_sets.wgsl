// The sets at the beginning: X = sum_v v_v cin[v].
// @include sets.wgsl
@group(0) @binding(3) var<storage, read> latents: array<f32>; // [B, LENGTH]
@group(0) @binding(4) var<storage, read> weight: array<f32>; // [VECTORS, 16]

@compute @workgroup_size(SETS, LINES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
  let channel = local.x; let line = local.y;
  let first = group.x * NODES;
  var square = 0.0;
  for (var r = line; r < 3u * NODES; r += LINES) {
    let at = group.x * LENGTH + (r / 3u) * WIDTH + r % 3u;
    var x = 0.0;
    for (var v = 0u; v < VECTORS; v++) { x += latents[at + 3u * v] * weight[v * SETS + channel]; }
    sets[(first * 3u + r) * SETS + channel] = x;
    square += x * x;
  }
  normalise(first, channel, line, square);
}
