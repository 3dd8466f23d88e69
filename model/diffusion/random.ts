/**
 * Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011).
 *
 * A stream is named by a seed and an index, and nothing else: molecule 17 of seed 42 draws the same numbers whatever
 * stands beside it in the batch and in whatever order the batches run.
 */

const M0 = 0xd2511f53, M1 = 0xcd9e8d57, W0 = 0x9e3779b9, W1 = 0xbb67ae85;

/** High and low 32 bits of a 32 x 32 bit product, the high word returned and the low one from `Math.imul`. */
function mulHigh(a: number, b: number): number {
  const aLow = a & 0xffff, aHigh = a >>> 16, bLow = b & 0xffff, bHigh = b >>> 16;
  const low = aLow * bLow, mid1 = aHigh * bLow, mid2 = aLow * bHigh;
  const carry = ((low >>> 16) + (mid1 & 0xffff) + (mid2 & 0xffff)) >>> 16;
  return (aHigh * bHigh + (mid1 >>> 16) + (mid2 >>> 16) + carry) >>> 0;
}

/** One Philox4x32-10 block: four 32-bit words from a 128-bit counter and a 64-bit key, written into `out`. */
export function philox4x32(counter: Uint32Array, key0: number, key1: number, out: Uint32Array): void {
  let [c0, c1, c2, c3] = counter, k0 = key0 >>> 0, k1 = key1 >>> 0;
  for (let round = 0; round < 10; round++) {
    const h0 = mulHigh(M0, c0), l0 = Math.imul(M0, c0) >>> 0;
    const h1 = mulHigh(M1, c2), l1 = Math.imul(M1, c2) >>> 0;
    c0 = (h1 ^ c1 ^ k0) >>> 0;
    c1 = l1;
    c2 = (h0 ^ c3 ^ k1) >>> 0;
    c3 = l0;
    k0 = (k0 + W0) >>> 0;
    k1 = (k1 + W1) >>> 0;
  }
  out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

/** A stream of random numbers. `position` is all there is to save for an exact resume. */
export interface Random {
  /** Uniform in (0, 1). */
  uniform(): number;
  /** Standard normal. */
  normal(): number;
  /** Uniform integer in [0, n). */
  integer(n: number): number;
  /** Fills `out[from, to)` with standard normals. */
  fillNormal(out: Float32Array, from?: number, to?: number): void;
  /** Numbers drawn so far; set it to go on from there. */
  position: number;
}

/**
 * What streams serve: `random(seed, index, PURPOSE.x)`, up to 100 of a molecule, above it of a parameter, a set, or an update. No two differ in what they serve and not in their number
 * that one run draws: training and distillation have some in common. A number that has been in use stays, so that seeds give the same molecules and the same runs.
 */
export const PURPOSE = {
  size: 1,
  noise: 2,
  decode: 3,
  embedding: 4,
  initialValues: 101,
  // Training.
  batch: 102,
  atomBatch: 103,
  dropout: 108,
  perturb: 109,
  regressor: 112,
  told: 113,
  graphGiven: 114,
  // Distillation.
  round: 104,
  knowledge: 105,
  moments: 106,
  rollout: 107,
  matching: 108,
  onTheWay: 109,
  kept: 110,
  tuning: 111,
  flowMap: 112,
  consistency: 113,
  generated: 118,
  choice: 119,
} as const;

/**
 * The stream `(seed, index, purpose)`.
 *
 * @param seed uint32
 * @param index uint32: the molecule's, or the update's
 * @param purpose uint32: keeps apart streams of one molecule that serve different ends (sizes, sampling, decoding)
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * const first = random(1, 7), again = random(1, 7);
 * assert.equal(first.uniform(), again.uniform());
 * again.position = 0; // a saved position is all that a resume needs
 * again.uniform();
 * assert.equal(first.normal(), again.normal());
 * ```
 */
export function random(seed: number, index = 0, purpose = 0): Random {
  const counter = new Uint32Array([0, 0, purpose >>> 0, 0]);
  const block = new Uint32Array(4);
  let position = 0, filled = -1;
  const word = () => {
    const at = Math.floor(position / 4);
    if (at !== filled) {
      counter[0] = at >>> 0;
      counter[1] = Math.floor(at / 2 ** 32);
      philox4x32(counter, seed, index, block);
      filled = at;
    }
    return block[position++ % 4];
  };
  const uniform = () => (word() + 0.5) / 2 ** 32;
  // Box-Muller, one normal from two words: no cached second value, so `position` is the whole state.
  const normal = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  return {
    uniform,
    normal,
    integer: (n) => Math.min(n - 1, Math.floor(uniform() * n)),
    fillNormal(out, from = 0, to = out.length) {
      // Both values of each Box-Muller pair; an odd last one takes a pair of words for itself.
      let i = from;
      for (; i + 1 < to; i += 2) {
        const radius = Math.sqrt(-2 * Math.log(uniform())), angle = 2 * Math.PI * uniform();
        out[i] = radius * Math.cos(angle);
        out[i + 1] = radius * Math.sin(angle);
      }
      if (i < to) out[i] = normal();
    },
    get position() {
      return position;
    },
    set position(value) {
      position = value;
    },
  };
}
