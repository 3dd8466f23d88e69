// What kernels on the coordinate sets of whole molecules share: [rows, 3, 16] numbers, a workgroup a molecule, and how they end:
// X / sqrt(mean_n |X_n|^2 + 1e-2), and the norms that nodes see. See docs/denoiser.md.
// @include latent.wgsl
@group(0) @binding(0) var<storage, read_write> sets: array<f32>; // [rows, 3, 16]
@group(0) @binding(1) var<storage, read_write> normalised: array<f32>; // [rows, 3, 16]
@group(0) @binding(2) var<storage, read_write> norms: array<f32>; // [rows, 16]
const SETS = 16u;
/** A thread has a set, and every fourth row. */
const LINES = 4u;
var<workgroup> partial: array<array<f32, SETS>, LINES>;

/** From `sets`, of which each thread has summed up squares in `square`; to be called by all threads. */
fn normalise(first: u32, channel: u32, line: u32, square: f32) {
  partial[line][channel] = square;
  storageBarrier();
  workgroupBarrier();
  var total = 0.0;
  for (var k = 0u; k < LINES; k++) { total += partial[k][channel]; }
  let scale = 1.0 / sqrt(total / f32(NODES) + 1e-2);
  for (var i = line; i < NODES; i += LINES) {
    var q = 0.0;
    for (var a = 0u; a < 3u; a++) {
      let at = ((first + i) * 3u + a) * SETS + channel;
      let x = sets[at] * scale;
      normalised[at] = x;
      q += x * x;
    }
    norms[(first + i) * SETS + channel] = sqrt(q + 1e-4);
  }
}
