/*
 * Every product kernel of this build, with gemm.h, beside a plain loop in double precision: prints its name, the largest error as a share of the sum
 * of the terms' sizes, and the squared error as a share of the squares; or its name alone where the processor or the system does not grant it. Fails
 * where a row's bits depend on its company, or what must not be written is.
 */
#include "gemm.h"
#include "product_kernels.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 70, DEPTH = 340, COLUMNS = 336, STRIDE = COLUMNS + 3, X_STRIDE = DEPTH + 5 };
static float x[ROWS * X_STRIDE + 4], transposed[DEPTH * ROWS], w[DEPTH * COLUMNS], packed[DEPTH * COLUMNS],
    bias[COLUMNS];
static float first[ROWS * STRIDE], y[ROWS * STRIDE], z[ROWS * STRIDE];
static unsigned state = 1;
static double error_squares, squares;

static float draw(void) {
  state = state * 1664525u + 1013904223u;
  return (state >> 8) / 16777216.f - 0.5f;
}

/* The largest error of y [m, n] = start + x w; -1 where something beside it was written. */
static double error_of(int m, int n, int k, int from_bias, int from_y) {
  double most = 0;
  for (int i = 0; i < ROWS; i++)
    for (int j = 0; j < STRIDE; j++) {
      const float value = y[i * STRIDE + j];
      if (i >= m || j >= n) {
        if (value != first[i * STRIDE + j]) return -1;
        continue;
      }
      double sum = from_bias ? bias[j] : from_y ? first[i * STRIDE + j] : 0, size = sum < 0 ? 1e-3 - sum : 1e-3 + sum;
      for (int q = 0; q < k; q++) {
        const double term = (double)x[i * X_STRIDE + q] * w[q * n + j];
        sum += term, size += term < 0 ? -term : term;
      }
      error_squares += (value - sum) * (value - sum), squares += sum * sum;
      const double error = (value > sum ? value - sum : sum - value) / size;
      most = error > most ? error : most;
    }
  return most;
}

/* Whether a product is tried: all small ones, and of the large ones those at the edges of blocks. */
static int tried(int m, int n, int k) { return (m <= 30 && n <= 80 && k <= 140) || ((m == 5 || m >= 69) && n >= 64); }

/*
 * Products [m, m] of more rows, or deeper, than are packed at once: of arrays, a by rows or by columns, where the lower triangle is wanted; and with
 * a packed weight, where all is. What stands right of the columns and below the rows must stay. The largest error; -1 where it did not.
 */
static double large_error(const ProductKernel *kernel, int m, int k) {
  enum { BESIDE = 3, BY_ROWS = 0, BY_COLUMNS = 1, PACKED = 2 };
  const long row = m + BESIDE, cells = (m + 1) * row;
  float *a = malloc((long)m * k * 4), *b = malloc((long)m * k * 4), *weight = malloc((long)m * k * 4);
  float *c = malloc(cells * 4), *before = malloc(cells * 4);
  if (!a || !b || !weight || !c || !before) abort();
  for (int i = 0; i < m; i++)
    for (int q = 0; q < k; q++) a[(long)i * k + q] = b[(long)q * m + i] = draw();
  for (long e = 0; e < cells; e++) before[e] = draw();
  kernel->pack(k, m, b, weight);
  double most = 0;
  for (int way = BY_ROWS; way <= PACKED; way++)
    for (int start = 0; start < 3; start++) {
      memcpy(c, before, cells * 4);
      Gemm g = {.m = m, .n = m, .k = k, .a = a, .a_row = k, .a_column = 1, .b = b, .b_row = m, .c = c, .c_row = row};
      g.bias = start == 1 ? bias : 0, g.accumulate = start == 2, g.lower = 1;
      if (way == BY_COLUMNS) g.a = b, g.a_row = 1, g.a_column = m;
      if (way != PACKED) gemm(kernel, g);
      else if (start < 2) linear(kernel, m, m, k, a, k, weight, g.bias, c, row);
      else linear_add(kernel, m, m, k, a, k, weight, c, row);
      for (long e = 0; e < cells && most >= 0; e++) {
        const int i = (int)(e / row), j = (int)(e % row);
        if (i >= m || j >= m) {
          if (c[e] != before[e]) most = -1;
          continue;
        }
        if (way != PACKED && j > i) continue;
        double sum = start == 1 ? bias[j] : start == 2 ? before[e] : 0, size = sum < 0 ? 1e-3 - sum : 1e-3 + sum;
        for (int q = 0; q < k; q++) {
          const double term = (double)a[(long)i * k + q] * b[(long)q * m + j];
          sum += term, size += term < 0 ? -term : term;
        }
        const double error = (c[e] > sum ? c[e] - sum : sum - c[e]) / size;
        most = error > most ? error : most;
      }
    }
  free(a), free(b), free(weight), free(c), free(before);
  return most;
}

static int check(const ProductKernel *kernel) {
  static const int depths[] = {1, 13, 64, 65, 140, 288, 340}, columns[] = {16, 32, 48, 64, 80, 256, 336};
  double most = 0;
  error_squares = squares = 0;
  for (int m = 1; m <= ROWS; m++)
    for (int a = 0; a < 7; a++)
      for (int d = 0; d < 7; d++)
        for (int start = 0; start < 3; start++) {
          const int k = depths[d], n = columns[a];
          if (!tried(m, n, k)) continue;
          kernel->pack(k, n, w, packed);
          memcpy(y, first, sizeof y), memcpy(z, first, sizeof z);
          if (start < 2) linear(kernel, m, n, k, x, X_STRIDE, packed, start ? bias : 0, y, STRIDE);
          else linear_add(kernel, m, n, k, x, X_STRIDE, packed, y, STRIDE);
          const double error = error_of(m, n, k, start == 1, start == 2);
          if (error < 0) return printf("%s wrote beside [%d, %d]\n", kernel->name, m, n), 1;
          most = error > most ? error : most;
          /* each row alone */
          for (int i = 0; i < m; i++)
            if (start < 2)
              linear(kernel, 1, n, k, x + i * X_STRIDE, X_STRIDE, packed, start ? bias : 0, z + i * STRIDE, STRIDE);
            else linear_add(kernel, 1, n, k, x + i * X_STRIDE, X_STRIDE, packed, z + i * STRIDE, STRIDE);
          if (memcmp(y, z, sizeof y))
            return printf("%s: rows of [%d, %d, %d] depend on their company\n", kernel->name, m, n, k), 1;
          /* arrays as they stand, x transposed or not */
          for (int i = 0; i < m; i++)
            for (int q = 0; q < k; q++) transposed[q * m + i] = x[i * X_STRIDE + q];
          for (int turned = 0; turned < 2; turned++) {
            memcpy(y, first, sizeof y);
            const Gemm g = {
                .m = m, .n = n, .k = k, .a = turned ? transposed : x, .b = w, .b_row = n, .c = y, .c_row = STRIDE};
            Gemm all = g;
            all.a_row = turned ? 1 : X_STRIDE, all.a_column = turned ? m : 1;
            all.bias = start == 1 ? bias : 0, all.accumulate = start == 2;
            gemm(kernel, all);
            const double other = error_of(m, n, k, start == 1, start == 2);
            if (other < 0) return printf("%s: gemm() wrote beside [%d, %d]\n", kernel->name, m, n), 1;
            most = other > most ? other : most;
          }
        }
  static const int shapes[][2] = {{208, 100}, {336, 40}, {80, 1700}};
  for (int s = 0; s < 3; s++) {
    const double error = large_error(kernel, shapes[s][0], shapes[s][1]);
    if (error < 0) return printf("%s wrote beside [%d, %d]\n", kernel->name, shapes[s][0], shapes[s][0]), 1;
    most = error > most ? error : most;
  }
  printf("%s %g %g\n", kernel->name, most, error_squares / squares);
  return 0;
}

int main(void) {
  for (int i = 0; i < ROWS * X_STRIDE; i++) x[i] = draw();
  for (int i = 0; i < DEPTH * COLUMNS; i++) w[i] = draw();
  for (int i = 0; i < COLUMNS; i++) bias[i] = draw();
  for (int i = 0; i < ROWS * STRIDE; i++) first[i] = draw();
  const ProductKernel *kernel;
  for (int k = 0; (kernel = kernel_at(k)); k++) {
    if (!kernel->use()) printf("%s\n", kernel->name);
    else if (check(kernel)) return 1;
  }
  return 0;
}
