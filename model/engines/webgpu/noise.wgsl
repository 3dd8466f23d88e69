// Noise: the same streams of random numbers as random.ts draws (Philox4x32-10, Box-Muller), and each number by itself, as they are
// counter-based. They agree with the CPU's to some 1e-6: arithmetic here is of 32 bits, so logarithms near one and angles are taken from
// the integers themselves, and sines by polynomials, as WGSL promises too little of its own.
// @include latent.wgsl
/** The streams' purpose: that of noise. */
override PURPOSE: u32 = 2u;
fn mul_high(a: u32, b: u32) -> u32 {
  let low = (a & 0xffffu) * (b & 0xffffu);
  let mid1 = (a >> 16u) * (b & 0xffffu);
  let mid2 = (a & 0xffffu) * (b >> 16u);
  let carry = ((low >> 16u) + (mid1 & 0xffffu) + (mid2 & 0xffffu)) >> 16u;
  return (a >> 16u) * (b >> 16u) + (mid1 >> 16u) + (mid2 >> 16u) + carry;
}
fn philox(at: u32, stream: vec2<u32>) -> vec4<u32> {
  var c = vec4<u32>(at, 0u, PURPOSE, 0u);
  var key = stream;
  for (var round = 0u; round < 10u; round++) {
    c = vec4<u32>(
      mul_high(0xcd9e8d57u, c.z) ^ c.y ^ key.x,
      0xcd9e8d57u * c.z,
      mul_high(0xd2511f53u, c.x) ^ c.w ^ key.y,
      0xd2511f53u * c.x,
    );
    key += vec2<u32>(0x9e3779b9u, 0xbb67ae85u);
  }
  return c;
}
/** -ln((word + 0.5) / 2^32) */
fn surprise(word: u32) -> f32 {
  if (word < 0x80000000u) { return -log((f32(word) + 0.5) * 2.3283064365386963e-10); }
  let v = (f32(~word) + 0.5) * 2.3283064365386963e-10; // ln(1 - v) = -2 artanh(v / (2 - v))
  let s = v / (2.0 - v); let s2 = s * s;
  return 2.0 * s * (1.0 + s2 * (0.33333333 + s2 * (0.2 + s2 * (0.14285714 + s2 * (0.11111111 + s2 * (0.09090909 +
    s2 * (0.07692308 + s2 * 0.06666667)))))));
}
/** cos and sin of 2 pi (word + 0.5) / 2^32: the quarter turn nearest, and what is left by Taylor's polynomials. */
fn direction(word: u32) -> vec2<f32> {
  let quarter = (word + 0x20000000u) >> 30u;
  let x = (f32(bitcast<i32>(word - (quarter << 30u))) + 0.5) * 1.4629180792671596e-9;
  let x2 = x * x;
  let s = x * (1.0 + x2 * (-0.16666667 + x2 * (0.008333333 + x2 * (-0.00019841270 + x2 * 0.0000027557319))));
  let c = 1.0 + x2 * (-0.5 + x2 * (0.041666667 + x2 * (-0.0013888889 + x2 * (0.000024801587 - x2 * 0.00000027557319))));
  let turned = select(vec2<f32>(c, s), vec2<f32>(-s, c), (quarter & 1u) == 1u);
  return select(turned, -turned, (quarter & 2u) == 2u);
}
fn normal(stream: vec2<u32>, position: u32, second: bool) -> f32 {
  let four = philox(position / 4u, stream);
  let pair = select(four.xy, four.zw, (position & 2u) == 2u);
  let d = direction(pair.y);
  return sqrt(2.0 * surprise(pair.x)) * select(d.x, d.y, second);
}

/** Words that a fill of so many normals takes from the stream; see `drawNoise` in latent.ts. */
fn words(count: u32) -> u32 { return count + (count & 1u); }
/** Words of a draw before row i of the pairs, whose columns are below i; of NODES, those of the whole draw. */
fn words_before(i: u32) -> u32 {
  let odd = select(0u, i / 2u, (PAIRS & 1u) == 1u); // rows above whose number of words is rounded up
  return words(OWN) + PAIRS * (i * (max(i, 1u) - 1u) / 2u) + odd;
}
fn noise_at(stream: vec2<u32>, draw: u32, element: u32) -> f32 {
  var place = draw * words_before(NODES);
  var k = element;
  if (element >= OWN) {
    let pair = (element - OWN) / max(PAIRS, 1u);
    let a = pair / NODES; let b = pair % NODES;
    if (a == b) { return 0.0; }
    place += words_before(max(a, b));
    k = min(a, b) * PAIRS + (element - OWN) % max(PAIRS, 1u);
  }
  return normal(stream, place + (k / 2u) * 2u, (k & 1u) == 1u);
}

var<workgroup> mean: array<f32, 3>;
/** To be called by all threads of a molecule's workgroup, three or more, before `centred_noise` of the same draw. */
fn find_mean(stream: vec2<u32>, draw: u32, thread: u32) {
  if (thread < 3u) {
    var sum = 0.0;
    for (var i = 0u; i < NODES; i++) { sum += noise_at(stream, draw, i * WIDTH + thread); }
    mean[thread] = sum / f32(NODES);
  }
  workgroupBarrier();
}
/** An element of a molecule's latent in its draw of this number, the positions centred. */
fn centred_noise(stream: vec2<u32>, draw: u32, element: u32) -> f32 {
  let n = noise_at(stream, draw, element);
  if (element < OWN && element % WIDTH < 3u) { return n - mean[element % WIDTH]; }
  return n;
}
