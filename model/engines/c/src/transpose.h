/* Matrices turned over, in blocks of 16 by 16 that stay in registers where there are enough of them. */
#ifndef MOLSTEP_TRANSPOSE_H
#define MOLSTEP_TRANSPOSE_H
#include "vector.h"
#if defined(__AVX512F__)
#include "transpose_registers.h"

/* A block of 16 by 16, `row` and `out_row` apart; out may be in, at the same distance. */
INLINE void transpose_16(const float *in, long row, float *out, long out_row) {
  __m512i r[16];
  TURNED for (int p = 0; p < 16; p++) r[p] = _mm512_loadu_si512(in + p * row);
  transpose_registers(r);
  TURNED for (int p = 0; p < 16; p++) _mm512_storeu_si512(out + p * out_row, r[p]);
}
#else
INLINE void transpose_16(const float *in, long row, float *out, long out_row) {
  float block[16][16];
  for (int i = 0; i < 16; i++)
    for (int j = 0; j < 16; j++) block[j][i] = in[i * row + j];
  for (int i = 0; i < 16; i++) __builtin_memcpy(out + i * out_row, block[i], sizeof block[i]);
}
#endif

/* out[columns, rows] = in[rows, columns]^T */
static void transpose(const float *in, int rows, int columns, float *out) {
  const int whole = columns / 16 * 16;
  int i = 0;
  for (; i + 16 <= rows; i += 16) {
    const float *from = in + (long)i * columns;
    for (int j = 0; j < whole; j += 16) transpose_16(from + j, columns, out + (long)j * rows + i, rows);
    for (int j = whole; j < columns; j++)
      for (int k = 0; k < 16; k++) out[(long)j * rows + i + k] = from[(long)k * columns + j];
  }
  for (; i < rows; i++)
    for (int j = 0; j < columns; j++) out[(long)j * rows + i] = in[(long)i * columns + j];
}

/* The upper triangle of c [n, n], rows `row` apart, as the lower. */
static void mirror(int n, float *c, long row) {
  int i = 0;
  for (; i + 16 <= n; i += 16) {
    for (int j = 0; j < i; j += 16) transpose_16(c + i * row + j, row, c + j * row + i, row);
    for (int k = i; k < i + 16; k++)
      for (int j = k + 1; j < i + 16; j++) c[k * row + j] = c[j * row + k];
  }
  for (; i < n; i++)
    for (int j = 0; j < i; j++) c[j * row + i] = c[i * row + j];
}

#endif
