/*
 * C[M,N] (+)= A[M,K] B[K,N] (+ bias): single precision, N a multiple of 16, A by two strides so that A^T costs nothing.
 *
 * Each element of C is one chain of fused multiply-adds over k in order, whatever M is and wherever its row stands: the
 * result for a row does not depend on what else is in the batch.
 */
#ifndef MOLSTEP_GEMM_H
#define MOLSTEP_GEMM_H
#include "vector.h"

typedef struct {
  int m, n, k;
  const float *a;
  long a_row, a_column;
  const float *b;
  long b_row;
  float *c;
  long c_row;
  const float *bias; /* [N] or 0: the start value of each row */
  int accumulate;    /* start from C instead of 0 */
} Gemm;

#if defined(__wasm__)
#include "gemm_wasm.h"
#else
INLINE void gemm_products(const int rows, const int columns, const Gemm *g, const float *a, const float *b, vector acc[ROWS_MAX][COLUMNS_MAX], const int first) {
  for (int k = 0; k < g->k; k++, a += g->a_column, b += g->b_row) {
    vector y[COLUMNS_MAX];
    for (int q = 0; q < columns; q++) y[q] = *(vector *)(b + q * VECTOR_FLOATS);
    if (first) /* the next columns, while these rows are the first to pass over these */
      for (int q = 0; q < columns; q++) __builtin_prefetch(b + (columns + q) * VECTOR_FLOATS, 0, 2);
    for (int r = 0; r < rows; r++) {
      vector x = (vector){0} + a[r * g->a_row];
      for (int q = 0; q < columns; q++) acc[r][q] = FMA(x, y[q], acc[r][q]);
    }
  }
}

INLINE void gemm_tile(const int rows, const int columns, const Gemm *g, int i, int j, const int first) {
  vector acc[ROWS_MAX][COLUMNS_MAX];
  float *c = g->c + i * g->c_row + j;
  for (int r = 0; r < rows; r++)
    for (int q = 0; q < columns; q++) {
      if (g->accumulate) acc[r][q] = *(vector *)(c + r * g->c_row + q * VECTOR_FLOATS);
      else if (g->bias) acc[r][q] = *(vector *)(g->bias + j + q * VECTOR_FLOATS);
      else acc[r][q] = (vector){0};
    }
  gemm_products(rows, columns, g, g->a + i * g->a_row, g->b + j, acc, first);
  for (int r = 0; r < rows; r++)
    for (int q = 0; q < columns; q++) *(vector *)(c + r * g->c_row + q * VECTOR_FLOATS) = acc[r][q];
}

#define GEMM_ROWS(R, Q) \
  case R: gemm_tile(R, Q, g, i, j, 0); break;

#define GEMM_STRIP(NAME, Q)                                             \
  static __attribute__((noinline)) void NAME(const Gemm *g, int j) {    \
    int i = 0;                                                          \
    if (ROWS_MAX <= g->m) gemm_tile(ROWS_MAX, Q, g, 0, j, 1), i = ROWS_MAX;                    \
    for (; i + ROWS_MAX <= g->m; i += ROWS_MAX) gemm_tile(ROWS_MAX, Q, g, i, j, 0); \
    switch (g->m - i) {                                                 \
      GEMM_ROWS(1, Q) GEMM_ROWS(2, Q) GEMM_ROWS(3, Q) GEMM_ROWS(4, Q) GEMM_ROWS(5, Q) GEMM_TAIL(Q) \
    }                                                                   \
  }
#if ROWS_MAX == 8
#define GEMM_TAIL(Q) GEMM_ROWS(6, Q) GEMM_ROWS(7, Q)
#else
#define GEMM_TAIL(Q)
#endif

GEMM_STRIP(gemm_strip1, 1)
GEMM_STRIP(gemm_strip2, 2)
#if COLUMNS_MAX == 3
GEMM_STRIP(gemm_strip3, 3)
#endif

static void gemm(Gemm g) {
  int j = 0;
#if COLUMNS_MAX == 3
  for (; j + 3 * VECTOR_FLOATS <= g.n; j += 3 * VECTOR_FLOATS) gemm_strip3(&g, j);
#endif
  for (; j + 2 * VECTOR_FLOATS <= g.n; j += 2 * VECTOR_FLOATS) gemm_strip2(&g, j);
  for (; j < g.n; j += VECTOR_FLOATS) gemm_strip1(&g, j);
}

#endif

/* C = A B where the product is known to be symmetric [n, n]: the lower triangle is computed, the upper copied. */
static void gemm_symmetric(Gemm g) {
  const int step = COLUMNS_MAX * VECTOR_FLOATS;
  for (int j = 0; j < g.n; j += step) {
    Gemm part = g;
    part.m = g.n - j, part.n = g.n - j < step ? g.n - j : step;
    part.a += j * g.a_row, part.b += j, part.c += j * g.c_row + j;
    gemm(part);
  }
  for (int i = 0; i < g.n; i++)
    for (int j = i + 1; j < g.n; j++) g.c[i * g.c_row + j] = g.c[j * g.c_row + i];
}

/* y[m,n] = x[m,k] w[k,n] + bias */
INLINE void linear(int m, int n, int k, const float *x, long x_row, const float *w, const float *bias, float *y, long y_row) {
  gemm((Gemm){m, n, k, x, x_row, 1, w, n, y, y_row, bias, 0});
}
/* y[m,n] += x[m,k] w[k,n] */
INLINE void linear_add(int m, int n, int k, const float *x, long x_row, const float *w, float *y, long y_row) {
  gemm((Gemm){m, n, k, x, x_row, 1, w, n, y, y_row, 0, 1});
}
/* dw[k,n] += x[m,k]^T dy[m,n] */
INLINE void weight_gradient(int m, int n, int k, const float *x, long x_row, const float *dy, long dy_row, float *dw) {
  gemm((Gemm){k, n, m, x, 1, x_row, dy, dy_row, dw, n, 0, 1});
}

#endif
