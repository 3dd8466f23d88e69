/*
 * The same product in WebAssembly, as V8 likes it. Here B is a weight, put into panels once, A's columns are 1 apart.
 *
 * V8 compares each address with the memory's size, but for those that it knows: so the rows of A that are at work are copied to a fixed
 * place, STEPS columns at a time, and the steps over them are written out, each address a constant. That leaves two comparisons a step, for B, and
 * products at 95 % of the rate of bare multiply-adds, instead of 84 %. B is read from its first number to its last.
 */
#ifndef MOLSTEP_GEMM_WASM_H
#define MOLSTEP_GEMM_WASM_H
#include "vector.h"

enum { PANEL = COLUMNS_MAX * VECTOR_FLOATS, STEPS = 64 };

/* w [k, n] by rows -> panels: for each STEPS rows, for each PANEL columns, by rows. */
static __attribute__((noinline)) void pack_panels(int k, int n, const float *restrict w, float *restrict out) {
  for (int from = 0; from < k; from += STEPS)
    for (int j = 0; j < n; j += PANEL)
      for (int i = from; i < k && i < from + STEPS; i++)
        for (int c = 0; c < PANEL; c++) *out++ = w[(long)i * n + j + c];
}
static void pack_panels_in_place(int k, int n, float *restrict w, float *restrict scratch) {
  __builtin_memcpy(scratch, w, (long)k * n * sizeof(float));
  pack_panels(k, n, scratch, w);
}

/* The rows at work, STEPS columns of each. An instance has one thread. */
static float staged[ROWS_MAX * STEPS] __attribute__((aligned(64)));

/* `steps` is a multiple of VECTOR_FLOATS: up to 3 numbers beyond a row's end are copied, and not used. */
INLINE void gemm_stage(const int rows, const int steps, const float *a, long a_row) {
  for (int r = 0; r < rows; r++)
    for (int k = 0; k < steps; k += VECTOR_FLOATS) *(vector *)(staged + r * STEPS + k) = *(const vector *)(a + r * a_row + k);
}

/* One k. Whether it was the last: the branch keeps clang from putting the chains of several steps one after another, which 15 registers could not hold. */
INLINE int gemm_step(const int rows, const int k, const float *y[COLUMNS_MAX], const float *end, vector acc[ROWS_MAX][COLUMNS_MAX]) {
  vector values[COLUMNS_MAX];
  for (int q = 0; q < COLUMNS_MAX; q++) values[q] = *(vector *)y[q], y[q] += PANEL;
  for (int r = 0; r < rows; r++) {
    float *at = staged + r * STEPS + k;
    OPAQUE(at);
    const vector x = (vector){0} + *(volatile float *)at;
    for (int q = 0; q < COLUMNS_MAX; q++) acc[r][q] = FMA(x, values[q], acc[r][q]);
  }
  for (int q = 0; q < COLUMNS_MAX; q++) OPAQUE(y[q]);
  return y[0] == end;
}
/* From column 0 of what is staged up to where b is `end`. */
#define STEPS_1(K) if (gemm_step(rows, K, y, end, acc)) return;
#define STEPS_4(K) STEPS_1(K) STEPS_1(K + 1) STEPS_1(K + 2) STEPS_1(K + 3)
#define STEPS_16(K) STEPS_4(K) STEPS_4(K + 4) STEPS_4(K + 8) STEPS_4(K + 12)
INLINE void gemm_steps(const int rows, const float *b, const float *end, vector acc[ROWS_MAX][COLUMNS_MAX]) {
  const float *y[COLUMNS_MAX];
  for (int q = 0; q < COLUMNS_MAX; q++) y[q] = b + q * VECTOR_FLOATS;
  for (int q = 1; q < COLUMNS_MAX; q++) OPAQUE(y[q]);
  STEPS_16(0) STEPS_16(16) STEPS_16(32) STEPS_16(48)
}

/* Rows i to i + rows of C. */
INLINE void gemm_group(const int rows, const Gemm *g, int i) {
  const float *b = g->b;
  const int all = g->k, n = g->n;
  for (int k = 0; k < all; k += STEPS) {
    const int steps = all - k < STEPS ? all - k : STEPS, from_c = k > 0 || g->accumulate;
    gemm_stage(rows, (steps + 3) & ~3, g->a + i * g->a_row + k, g->a_row);
    float *c[ROWS_MAX];
    const float *bias = g->bias;
    for (int r = 0; r < rows; r++) c[r] = g->c + (i + r) * g->c_row;
    for (int j = 0; j < n; j += PANEL, b += steps * PANEL) {
      vector acc[ROWS_MAX][COLUMNS_MAX];
      for (int r = 0; r < rows; r++)
        for (int q = 0; q < COLUMNS_MAX; q++) {
          if (from_c) acc[r][q] = *(vector *)(c[r] + q * VECTOR_FLOATS);
          else if (bias) acc[r][q] = *(vector *)(bias + q * VECTOR_FLOATS);
          else acc[r][q] = (vector){0};
        }
      gemm_steps(rows, b, b + steps * PANEL, acc);
      for (int r = 0; r < rows; r++) {
        for (int q = 0; q < COLUMNS_MAX; q++) *(vector *)(c[r] + q * VECTOR_FLOATS) = acc[r][q];
        c[r] += PANEL;
      }
      if (bias) bias += PANEL;
    }
  }
}
#define GEMM_GROUP(R) static __attribute__((noinline)) void gemm_rows##R(const Gemm *g, int i) { gemm_group(R, g, i); }
GEMM_GROUP(1) GEMM_GROUP(2) GEMM_GROUP(3) GEMM_GROUP(4)
#if ROWS_MAX == 6
GEMM_GROUP(5) GEMM_GROUP(6)
#endif
static void gemm(Gemm g) {
  for (int i = 0; i < g.m; i += ROWS_MAX) switch (g.m - i) {
      case 1: gemm_rows1(&g, i); break;
      case 2: gemm_rows2(&g, i); break;
      case 3: gemm_rows3(&g, i); break;
#if ROWS_MAX == 6
      case 4: gemm_rows4(&g, i); break;
      case 5: gemm_rows5(&g, i); break;
      default: gemm_rows6(&g, i);
#else
      default: gemm_rows4(&g, i);
#endif
    }
}

#endif
