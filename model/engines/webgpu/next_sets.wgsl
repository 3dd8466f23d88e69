// The sets after a block: X += (update + g Xn) mix.
// @include sets.wgsl
@group(0) @binding(3) var<storage, read> gates: array<f32>; // [rows, 16]: g
@group(0) @binding(4) var<storage, read> updates: array<f32>; // [rows, 3, 16]: what a node's neighbours add
@group(0) @binding(5) var<storage, read> weight: array<f32>; // [16, 16]
var<workgroup> mixed: array<array<f32, SETS>, LINES>;
var<workgroup> mix: array<array<f32, SETS>, SETS>;

@compute @workgroup_size(SETS, LINES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
  let channel = local.x; let line = local.y;
  let first = group.x * NODES;
  var square = 0.0;
  for (var k = line; k < SETS; k += LINES) { mix[k][channel] = weight[k * SETS + channel]; }
  for (var r0 = 0u; r0 < 3u * NODES; r0 += LINES) {
    let r = min(r0 + line, 3u * NODES - 1u);
    let at = (first * 3u + r) * SETS + channel;
    workgroupBarrier();
    mixed[line][channel] = updates[at] + gates[(first + r / 3u) * SETS + channel] * normalised[at];
    workgroupBarrier();
    var x = 0.0;
    for (var k = 0u; k < SETS; k++) { x += mixed[line][k] * mix[k][channel]; }
    if (r0 + line < 3u * NODES) {
      x += sets[at];
      sets[at] = x;
      square += x * x;
    }
  }
  normalise(first, channel, line, square);
}
