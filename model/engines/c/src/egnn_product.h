/*
 * Products with weights that never change: B is packed once into panels of columns, A and C have rows of one fixed length, so
 * that a register tile's addresses are constants. Rows stand in groups of EGNN_ROWS; those beyond the last are computed and ignored.
 *
 * Each element of C is one chain of fused multiply-adds over k in order, whatever its row's place.
 */
#ifndef MOLSTEP_EGNN_PRODUCT_H
#define MOLSTEP_EGNN_PRODUCT_H
#include "gemm.h"

#if defined(__wasm__)
#define EGNN_ROWS ROWS_MAX
#elif defined(__AVX512F__)
#define EGNN_ROWS 12
#else
#define EGNN_ROWS 6
#endif

/* Widest network, and the length of a row: longer by a cache line, so that rows do not fall into the same sets. */
enum { EGNN_WIDTH_MAX = 256, EGNN_STRIDE = EGNN_WIDTH_MAX + 16 };

enum { FROM_ZERO, FROM_BIAS, FROM_C };

#if defined(__wasm__)
/* Packed as gemm_wasm.h has it; c [rows, n] = a [rows, k] b (+ bias, or + c). */
static void product(int rows, int n, int k, const float *a, const float *b, int from, const float *bias, float *c) {
  gemm((Gemm){rows, n, k, a, EGNN_STRIDE, 1, b, n, c, EGNN_STRIDE, from == FROM_BIAS ? bias : 0, from == FROM_C});
}
#else
#define EGNN_PANEL (2 * VECTOR_FLOATS)

/* w [k, n] by rows -> panels of EGNN_PANEL columns, each by rows; the last may be of half as many. */
static void pack_panels(int k, int n, const float *restrict w, float *restrict out) {
  for (int j = 0; j < n; j += EGNN_PANEL)
    for (int i = 0; i < k; i++)
      for (int c = j; c < n && c < j + EGNN_PANEL; c++) *out++ = w[i * n + c];
}

INLINE void product_steps(const int columns, const int k, const float *a, const float *b, vector acc[EGNN_ROWS][2]) {
#pragma GCC unroll 1
  for (int i = 0; i < k; i++, a++, b += columns * VECTOR_FLOATS) {
    vector y[2];
#pragma GCC unroll 2
    for (int q = 0; q < columns; q++) y[q] = *(vector *)(b + q * VECTOR_FLOATS);
#pragma GCC unroll 16
    for (int r = 0; r < EGNN_ROWS; r++) {
      vector x = (vector){0} + a[r * EGNN_STRIDE];
#pragma GCC unroll 2
      for (int q = 0; q < columns; q++) acc[r][q] = FMA(x, y[q], acc[r][q]);
    }
  }
}

INLINE void product_tile(const int columns, const int k, const float *restrict a, const float *restrict b, float *restrict c,
                         const float *restrict bias, const int from) {
  vector acc[EGNN_ROWS][2];
#pragma GCC unroll 16
  for (int r = 0; r < EGNN_ROWS; r++)
#pragma GCC unroll 2
    for (int q = 0; q < columns; q++) {
      if (from == FROM_C) acc[r][q] = *(vector *)(c + r * EGNN_STRIDE + q * VECTOR_FLOATS);
      else if (from == FROM_BIAS) acc[r][q] = *(vector *)(bias + q * VECTOR_FLOATS);
      else acc[r][q] = (vector){0};
    }
  product_steps(columns, k, a, b, acc);
#pragma GCC unroll 16
  for (int r = 0; r < EGNN_ROWS; r++)
#pragma GCC unroll 2
    for (int q = 0; q < columns; q++) *(vector *)(c + r * EGNN_STRIDE + q * VECTOR_FLOATS) = acc[r][q];
}

#define PRODUCT_PANEL(NAME, COLUMNS, FROM)                                                                                  \
  static __attribute__((noinline)) void NAME(int rows, int k, const float *a, const float *b, const float *bias, float *c) { \
    for (int r = 0; r < rows; r += EGNN_ROWS) product_tile(COLUMNS, k, a + r * EGNN_STRIDE, b, c + r * EGNN_STRIDE, bias, FROM); \
  }
PRODUCT_PANEL(panel2_zero, 2, FROM_ZERO)
PRODUCT_PANEL(panel2_bias, 2, FROM_BIAS)
PRODUCT_PANEL(panel2_c, 2, FROM_C)
PRODUCT_PANEL(panel1_zero, 1, FROM_ZERO)
PRODUCT_PANEL(panel1_bias, 1, FROM_BIAS)
PRODUCT_PANEL(panel1_c, 1, FROM_C)

/* c [rows, n] = a [rows, k] b (+ bias, or + c); b packed, n a multiple of 16, `c` not `a`. Rows have room up to a multiple of EGNN_ROWS. */
static void product(int rows, int n, int k, const float *a, const float *b, int from, const float *bias, float *c) {
  int j = 0;
  for (; j + EGNN_PANEL <= n; j += EGNN_PANEL, b += k * EGNN_PANEL) {
    if (from == FROM_ZERO) panel2_zero(rows, k, a, b, 0, c + j);
    else if (from == FROM_BIAS) panel2_bias(rows, k, a, b, bias + j, c + j);
    else panel2_c(rows, k, a, b, 0, c + j);
  }
  if (j == n) return;
  if (from == FROM_ZERO) panel1_zero(rows, k, a, b, 0, c + j);
  else if (from == FROM_BIAS) panel1_bias(rows, k, a, b, bias + j, c + j);
  else panel1_c(rows, k, a, b, 0, c + j);
}
#endif

#endif
