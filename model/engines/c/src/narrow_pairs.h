/*
 * 16-bit factors in pairs, as AVX-512 and AMX take them. Two numbers that follow each other in k are a pair, 32 bits:
 *   b: panels of PAIRS_PANEL columns, each [pairs, columns]; the last may be of 16 columns
 *   a: rows of pairs, [m, pairs]; or, where it is a's columns that lie together in memory, [pairs, m]
 * k is rounded up by zeros to a multiple of `depth`.
 */
#ifndef MOLSTEP_NARROW_PAIRS_H
#define MOLSTEP_NARROW_PAIRS_H
#include "narrow.h"
#include <immintrin.h>

enum { PAIRS_ROWS = 12, PAIRS_PANEL = 32, PAIRS_LEAST = 64 };

/* depth, step, least and least_rows of kinds that are multiplied by pairs_multiply.inc. */
#define PAIRS_SHAPE 2, 4 * PAIRS_ROWS, PAIRS_LEAST, PAIRS_LEAST

INLINE __mmask16 first_lanes(int count) {
  return count >= 16 ? 0xffff : count > 0 ? (__mmask16)((1u << count) - 1) : 0;
}
INLINE __m512 load_first(const float *at, int count) { return _mm512_maskz_loadu_ps(first_lanes(count), at); }

/* 16 pairs of numbers of two vectors, as a kind converts them: (even[0], odd[0]), ... */
typedef __m512i (*Pairing)(__m512 even, __m512 odd);
/* 32 numbers as 16 pairs: (x[0], x[1]), ... x[0] to x[15] are in `first`. */
typedef __m512i (*Narrowing)(__m512 first, __m512 second);

/* b [k, n] times `scale` -> panels. */
INLINE void pack_b_pairs(Pairing pairs_of, int depth, int k, int n, const float *b, long b_row, __m512 scale,
                         void *packed) {
  const int all = (k + depth - 1) / depth * depth;
  __m512i *out = packed;
  for (int j = 0; j < n; j += PAIRS_PANEL)
    for (int q = 0; q < all; q += 2)
      for (int v = j; v < n && v < j + PAIRS_PANEL; v += 16, out++) {
        const __m512 even = q < k ? _mm512_loadu_ps(b + q * b_row + v) : _mm512_setzero_ps(),
                     odd = q + 1 < k ? _mm512_loadu_ps(b + (q + 1) * b_row + v) : _mm512_setzero_ps();
        _mm512_store_si512(out, pairs_of(even * scale, odd * scale));
      }
}

/* A row of a times `scale` -> pairs, of `all` numbers, a multiple of 2. */
INLINE void pack_row_pairs(Narrowing narrow, int k, int all, const float *x, __m512 scale, unsigned *out) {
  for (int q = 0; q < all; q += 32)
    _mm512_mask_storeu_epi32(out + q / 2, first_lanes((all - q) / 2),
                             narrow(load_first(x + q, k - q) * scale, load_first(x + q + 16, k - q - 16) * scale));
}

/* m columns of x [k, m] that are rows of a, times `scale` -> [all / 2, m] */
INLINE void pack_columns_pairs(Pairing pairs_of, int m, int k, int all, const float *x, long row, __m512 scale,
                               unsigned *out) {
  for (int q = 0; q < all; q += 2, out += m)
    for (int i = 0; i < m; i += 16) {
      const int count = m - i;
      const __m512 even = q < k ? load_first(x + q * row + i, count) : _mm512_setzero_ps(),
                   odd = q + 1 < k ? load_first(x + (q + 1) * row + i, count) : _mm512_setzero_ps();
      _mm512_mask_storeu_epi32(out + i, first_lanes(count), pairs_of(even * scale, odd * scale));
    }
}

/* Pointers to rows that share one, as in product_tiles.h. */
enum { PAIRS_POINTERS = (PAIRS_ROWS + ROWS_A_POINTER - 1) / ROWS_A_POINTER };

#endif
