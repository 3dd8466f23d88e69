/*
 * The product of half-precision factors (AVX512-FP16: Sapphire Rapids and later). Products are summed in half precision over F16_CHUNK pairs,
 * then in single precision: 32 multiply-adds an instruction instead of 16. Rows of a, and b, are scaled by powers of two to less than 16, so
 * that no sum of a chunk can leave the format's range, 65,504, and small gradients stay above its smallest numbers.
 */
#ifndef MOLSTEP_PRODUCT_F16_H
#define MOLSTEP_PRODUCT_F16_H
#include "narrow_pairs.h"

/* 104 of k, of which a lane sums every other: 52 products. Fewer are more exact, but each end of a chunk costs as much as seven pairs. */
enum { F16_CHUNK = 52 };

/* The power of two that takes a largest magnitude into [8, 16), and what undoes it. */
INLINE float scale_of(float most, float *undo) {
  unsigned bits, exponent;
  __builtin_memcpy(&bits, &most, 4);
  exponent = bits >> 23 & 255;
  exponent = exponent < 4 ? 4 : exponent > 253 ? 253 : exponent;
  const unsigned up = (257 - exponent) << 23, down = (exponent - 3) << 23;
  float scale;
  __builtin_memcpy(&scale, &up, 4), __builtin_memcpy(undo, &down, 4);
  return scale;
}

/* The largest magnitude in [rows, columns]. */
INLINE float largest(int rows, int columns, const float *x, long row) {
  __m512 most = _mm512_setzero_ps();
  for (int i = 0; i < rows; i++)
    for (int j = 0; j < columns; j += 16)
      most = _mm512_max_ps(most, _mm512_abs_ps(load_first(x + i * row + j, columns - j)));
  return _mm512_reduce_max_ps(most);
}

INLINE __m512i f16_narrow(__m512 first, __m512 second) {
  const __m256i low = (__m256i)_mm512_cvtxps_ph(first), high = (__m256i)_mm512_cvtxps_ph(second);
  return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}
INLINE __m512i f16_pairs(__m512 even, __m512 odd) {
  const __m512i low = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtxps_ph(even)),
                high = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtxps_ph(odd));
  return _mm512_or_si512(low, _mm512_slli_epi32(high, 16));
}
/* The two halves of each lane, one sum. */
INLINE __m512 f16_single(__m512h sum) {
  const __m512h other = (__m512h)_mm512_srli_epi32((__m512i)sum, 16);
  const __m512i both = (__m512i)_mm512_add_ph((__m512h)sum, other);
  return _mm512_cvtxph_ps((__m256h)_mm512_cvtepi32_epi16(both));
}

static float f16_pack_b(int depth, int k, int n, const float *b, long b_row, void *packed) {
  float undo;
  const __m512 scale = _mm512_set1_ps(scale_of(largest(k, n, b, b_row), &undo));
  pack_b_pairs(f16_pairs, depth, k, n, b, b_row, scale, packed);
  return undo;
}

/* A scale for each row; where a's columns lie together, one for all. */
static void f16_pack_a(NarrowBlock *block, const float *a, long a_row, long a_column, void *packed, float *undo) {
  const int m = block->m, k = block->k, all = (k + 1) & ~1;
  unsigned *out = packed;
  if (a_column == 1) {
    for (int i = 0; i < m; i++) {
      const float *x = a + i * a_row;
      pack_row_pairs(f16_narrow, k, all, x, _mm512_set1_ps(scale_of(largest(1, k, x, 0), &undo[i])), out + i * all / 2);
    }
    block->a_row = all / 2, block->a_column = 1;
    return;
  }
  const __m512 scale = _mm512_set1_ps(scale_of(largest(k, m, a, a_column), undo));
  for (int i = 1; i < m; i++) undo[i] = undo[0];
  pack_columns_pairs(f16_pairs, m, k, all, a, a_column, scale, out);
  block->a_row = 1, block->a_column = m;
}

#define KIND f16
#define SUM __m512h
#define CHUNK F16_CHUNK
#define ZERO _mm512_setzero_ph()
#define ADD(sum, a, b) _mm512_fmadd_ph((__m512h)(a), (__m512h)(b), sum)
#define SINGLE f16_single
#include "pairs_multiply.inc"

static const NarrowKind F16_KIND = {PAIRS_SHAPE, f16_pack_b, f16_pack_a, f16_multiply};
static int f16_use(void) { return FASTER; }
NARROW_KERNEL(F16, F16_KIND, "avx512-f16", PAIRS_ROWS, PAIRS_PANEL, f16_use)

#endif
