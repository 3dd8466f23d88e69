/*
 * The product in single precision in WebAssembly, as V8 likes it.
 *
 * V8 compares each address with the memory's size, but for those that it knows: so the rows of x that are at work are copied to a fixed
 * place, STEPS columns at a time, and the steps over them are written out, each address a constant. That leaves two comparisons a step, for w, and
 * products at 95 % of the rate of bare multiply-adds, instead of 84 %. w is read from its first number to its last.
 */
#ifndef MOLSTEP_PRODUCT_WASM_H
#define MOLSTEP_PRODUCT_WASM_H
#include "product.h"
#include "vector.h"

/* Without relaxed SIMD a product of its own before each addition takes a register more. */
#if defined(__wasm_relaxed_simd__)
#define WASM_ROWS 6
#else
#define WASM_ROWS 4
#endif
enum { WASM_VECTORS = 2, WASM_PANEL = WASM_VECTORS * VECTOR_FLOATS, STEPS = 64 };

/* w [k, n] by rows -> panels: for each STEPS rows, for each WASM_PANEL columns, by rows. */
static __attribute__((noinline)) void pack_steps(int k, int n, const float *restrict w, float *restrict packed) {
  for (int from = 0; from < k; from += STEPS)
    for (int j = 0; j < n; j += WASM_PANEL)
      for (int i = from; i < k && i < from + STEPS; i++)
        for (int c = 0; c < WASM_PANEL; c++) *packed++ = w[(long)i * n + j + c];
}

/* The rows at work [WASM_ROWS, STEPS]. An instance has one thread. */
static float staged[WASM_ROWS * STEPS] __attribute__((aligned(64)));

/* `steps` is a multiple of VECTOR_FLOATS: up to 3 numbers beyond a row's end are copied, and not used. */
INLINE void stage_rows(const int rows, const int steps, const float *x, long x_row) {
  for (int r = 0; r < rows; r++)
    for (int k = 0; k < steps; k += VECTOR_FLOATS)
      *(vector *)(staged + r * STEPS + k) = *(const vector *)(x + r * x_row + k);
}

/* One k. Whether it was the last: the branch keeps clang from putting the chains of several steps one after another, which 15 registers could not hold. */
INLINE int one_step(const int rows, const int k, const float *w[WASM_VECTORS], const float *end,
                    vector acc[WASM_ROWS][WASM_VECTORS]) {
  vector values[WASM_VECTORS];
  for (int q = 0; q < WASM_VECTORS; q++) values[q] = *(vector *)w[q], w[q] += WASM_PANEL;
  for (int r = 0; r < rows; r++) {
    float *at = staged + r * STEPS + k;
    OPAQUE(at);
    const vector x = (vector){0} + *(volatile float *)at;
    for (int q = 0; q < WASM_VECTORS; q++) acc[r][q] = FMA(x, values[q], acc[r][q]);
  }
  for (int q = 0; q < WASM_VECTORS; q++) OPAQUE(w[q]);
  return w[0] == end;
}

/* From column 0 of what is staged up to where w is `end`. */
#define STEPS_1(K) \
  if (one_step(rows, K, at, end, acc)) return;
#define STEPS_4(K) STEPS_1(K) STEPS_1(K + 1) STEPS_1(K + 2) STEPS_1(K + 3)
#define STEPS_16(K) STEPS_4(K) STEPS_4(K + 4) STEPS_4(K + 8) STEPS_4(K + 12)
INLINE void all_steps(const int rows, const float *w, const float *end, vector acc[WASM_ROWS][WASM_VECTORS]) {
  const float *at[WASM_VECTORS];
  for (int q = 0; q < WASM_VECTORS; q++) at[q] = w + q * VECTOR_FLOATS;
  for (int q = 1; q < WASM_VECTORS; q++) OPAQUE(at[q]);
  STEPS_16(0) STEPS_16(16) STEPS_16(32) STEPS_16(48)
}

/* Rows i to i + rows of y. */
INLINE void multiply_rows(const int rows, const Product *p, int i) {
  const float *w = p->w;
  const int all = p->k, n = p->n;
  for (int k = 0; k < all; k += STEPS) {
    const int steps = all - k < STEPS ? all - k : STEPS, from_y = k > 0 || p->accumulate;
    stage_rows(rows, (steps + 3) & ~3, p->x + i * p->x_row + k, p->x_row);
    float *y[WASM_ROWS];
    const float *bias = p->bias;
    for (int r = 0; r < rows; r++) y[r] = p->y + (i + r) * p->y_row;
    for (int j = 0; j < n; j += WASM_PANEL, w += steps * WASM_PANEL) {
      vector acc[WASM_ROWS][WASM_VECTORS];
      for (int r = 0; r < rows; r++)
        for (int q = 0; q < WASM_VECTORS; q++) {
          if (from_y) acc[r][q] = *(vector *)(y[r] + q * VECTOR_FLOATS);
          else if (bias) acc[r][q] = *(vector *)(bias + q * VECTOR_FLOATS);
          else acc[r][q] = (vector){0};
        }
      all_steps(rows, w, w + steps * WASM_PANEL, acc);
      for (int r = 0; r < rows; r++) {
        for (int q = 0; q < WASM_VECTORS; q++) *(vector *)(y[r] + q * VECTOR_FLOATS) = acc[r][q];
        y[r] += WASM_PANEL;
      }
      if (bias) bias += WASM_PANEL;
    }
  }
}
#define MULTIPLY_ROWS(R) \
  static __attribute__((noinline)) void multiply_##R(const Product *p, int i) { multiply_rows(R, p, i); }
MULTIPLY_ROWS(1)
MULTIPLY_ROWS(2)
MULTIPLY_ROWS(3)
MULTIPLY_ROWS(4)
#if WASM_ROWS == 6
MULTIPLY_ROWS(5)
MULTIPLY_ROWS(6)
#endif
static void multiply_staged(const Product *p) {
  for (int i = 0; i < p->m; i += WASM_ROWS) switch (p->m - i) {
      case 1: multiply_1(p, i); break;
      case 2: multiply_2(p, i); break;
      case 3: multiply_3(p, i); break;
#if WASM_ROWS == 6
      case 4: multiply_4(p, i); break;
      case 5: multiply_5(p, i); break;
      default: multiply_6(p, i);
#else
      default: multiply_4(p, i);
#endif
    }
}

static const ProductKernel FLOAT32 = {"wasm-f32", WASM_ROWS, WASM_PANEL, pack_steps, multiply_staged, 0, of_use};

#endif
