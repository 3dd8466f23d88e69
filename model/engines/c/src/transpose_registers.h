/* 16 by 16 numbers of 32 bits in registers of AVX-512, turned over. */
#ifndef MOLSTEP_TRANSPOSE_REGISTERS_H
#define MOLSTEP_TRANSPOSE_REGISTERS_H
#include "vector.h"
#include <immintrin.h>

/* Or compilers leave arrays of registers in memory. */
#define TURNED _Pragma("GCC unroll 16")

/* 16 x 16 numbers of 32 bits, transposed in place. */
INLINE void transpose_registers(__m512i r[16]) {
  __m512i t[16];
  TURNED for (int p = 0; p < 16; p += 2) {
    t[p] = _mm512_unpacklo_epi32(r[p], r[p + 1]), t[p + 1] = _mm512_unpackhi_epi32(r[p], r[p + 1]);
  }
  TURNED for (int p = 0; p < 16; p += 4) { /* r[p + c]: columns c, c + 4, c + 8, c + 12 of rows p to p + 3 */
    r[p] = _mm512_unpacklo_epi64(t[p], t[p + 2]), r[p + 1] = _mm512_unpackhi_epi64(t[p], t[p + 2]);
    r[p + 2] = _mm512_unpacklo_epi64(t[p + 1], t[p + 3]), r[p + 3] = _mm512_unpackhi_epi64(t[p + 1], t[p + 3]);
  }
  TURNED for (int c = 0; c < 4; c++) {
    const __m512i a = _mm512_shuffle_i32x4(r[c], r[4 + c], 0x88), b = _mm512_shuffle_i32x4(r[c], r[4 + c], 0xdd),
                  d = _mm512_shuffle_i32x4(r[8 + c], r[12 + c], 0x88),
                  e = _mm512_shuffle_i32x4(r[8 + c], r[12 + c], 0xdd);
    t[c] = _mm512_shuffle_i32x4(a, d, 0x88), t[8 + c] = _mm512_shuffle_i32x4(a, d, 0xdd);
    t[4 + c] = _mm512_shuffle_i32x4(b, e, 0x88), t[12 + c] = _mm512_shuffle_i32x4(b, e, 0xdd);
  }
  TURNED for (int p = 0; p < 16; p++) r[p] = t[p];
}

#endif
