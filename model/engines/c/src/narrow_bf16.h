/* Packing of bfloat16 factors, for AVX-512 and for AMX. They have the range of single precision: no scales. */
#ifndef MOLSTEP_NARROW_BF16_H
#define MOLSTEP_NARROW_BF16_H
#include "narrow_pairs.h"

/* The upper halves of 16 floats, rounded to the nearest, in the lower halves of their lanes. What is no number stays none. */
INLINE __m512i bf16_of(__m512 x) {
  const __m512i bits = _mm512_castps_si512(x),
                odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1)),
                rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
  const __mmask16 none = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
  return _mm512_srli_epi32(_mm512_mask_or_epi32(rounded, none, bits, _mm512_set1_epi32(0x400000)), 16);
}
#if defined(__AVX512BF16__)
/* The instruction takes numbers below the smallest normal one as zero. It puts its second vector first. */
INLINE __m512i bf16_narrow(__m512 first, __m512 second) { return (__m512i)_mm512_cvtne2ps_pbh(second, first); }
INLINE __m512i bf16_pairs(__m512 even, __m512 odd) {
  const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21,
                                         5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  return _mm512_permutexvar_epi16(order, bf16_narrow(even, odd));
}
#else
INLINE __m512i bf16_narrow(__m512 first, __m512 second) {
  const __m256i low = _mm512_cvtepi32_epi16(bf16_of(first)), high = _mm512_cvtepi32_epi16(bf16_of(second));
  return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}
INLINE __m512i bf16_pairs(__m512 even, __m512 odd) {
  return _mm512_or_si512(bf16_of(even), _mm512_slli_epi32(bf16_of(odd), 16));
}
#endif

static float bf16_pack_b(int depth, int k, int n, const float *b, long b_row, void *packed) {
  pack_b_pairs(bf16_pairs, depth, k, n, b, b_row, _mm512_set1_ps(1), packed);
  return 1;
}

static void bf16_pack_a(NarrowBlock *block, const float *a, long a_row, long a_column, void *packed, float *undo) {
  const int m = block->m, k = block->k, all = (k + 1) & ~1;
  unsigned *out = packed;
  for (int i = 0; i < m; i++) undo[i] = 1;
  if (a_column == 1) {
    for (int i = 0; i < m; i++)
      pack_row_pairs(bf16_narrow, k, all, a + i * a_row, _mm512_set1_ps(1), out + i * all / 2);
    block->a_row = all / 2, block->a_column = 1;
  } else {
    pack_columns_pairs(bf16_pairs, m, k, all, a, a_column, _mm512_set1_ps(1), out);
    block->a_row = 1, block->a_column = m;
  }
}

#endif
