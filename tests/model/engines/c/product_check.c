/*
 * Every product kernel that can be used here, with gemm.h, beside a plain loop in double precision: prints its name, the largest error as a share of
 * the sum of the terms' sizes, and the squared error as a share of the squares. Fails where a row's bits depend on its company, or what must not
 * be written is.
 */
#include "gemm.h"
#include "product_kernels.h"
#include <stdio.h>
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
      double sum = from_bias ? bias[j] : from_y ? first[i * STRIDE + j] : 0, size = sum < 0 ? 1e-3 - sum : 1e-3 + sum;
      if (i >= m || j >= n) {
        if (value != first[i * STRIDE + j]) return -1;
        continue;
      }
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
            const Gemm g = {.m = m, .n = n, .k = k, .a = turned ? transposed : x, .b = w, .b_row = n, .c = y, .c_row = STRIDE};
            Gemm all = g;
            all.a_row = turned ? 1 : X_STRIDE, all.a_column = turned ? m : 1;
            all.bias = start == 1 ? bias : 0, all.accumulate = start == 2;
            gemm(kernel, all);
            const double other = error_of(m, n, k, start == 1, start == 2);
            if (other < 0) return printf("%s: gemm() wrote beside [%d, %d]\n", kernel->name, m, n), 1;
            most = other > most ? other : most;
          }
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
  for (int k = 0; (kernel = kernel_at(k)); k++)
    if (check(kernel)) return 1;
  return 0;
}
