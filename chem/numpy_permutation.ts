/**
 * NumPy's `RandomState(seed).permutation(n)`, on which EDM's split of QM9 rests.
 *
 * MT19937 (Matsumoto & Nishimura, "Mersenne Twister", ACM TOMACS 8, 1998) seeded as its authors' `init_genrand`, and
 * Fisher-Yates from the end with masked rejection, as NumPy's legacy generator does.
 */

const STATE = 624, MIDDLE = 397;

/** The stream of 32-bit words that MT19937 gives for `seed`. */
export function mersenneTwister(seed: number): () => number {
  const state = new Uint32Array(STATE);
  state[0] = seed;
  for (let i = 1; i < STATE; i++) {
    state[i] = Math.imul(1812433253, state[i - 1] ^ (state[i - 1] >>> 30)) + i;
  }
  let at = STATE;
  const twist = () => {
    for (let i = 0; i < STATE; i++) {
      const y = (state[i] & 0x80000000) | (state[(i + 1) % STATE] & 0x7fffffff);
      state[i] = state[(i + MIDDLE) % STATE] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    at = 0;
  };
  return () => {
    if (at === STATE) twist();
    let y = state[at++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  };
}

/**
 * The numbers 0 to n - 1 in the order that `numpy.random.RandomState(seed).permutation(n)` gives.
 *
 * @param seed uint32
 */
export function numpyPermutation(seed: number, n: number): Int32Array<ArrayBuffer> {
  const next = mersenneTwister(seed), order = Int32Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const mask = 2 ** (32 - Math.clz32(i)) - 1;
    let j: number;
    do j = (next() & mask) >>> 0; while (j > i);
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}
