/*
 * The product kernel of this build, and gemm.h, beside a plain loop in double precision: prints the kernel's name and the largest error, as a share of
 * the sum of the terms' sizes. Fails where a row's bits depend on its company, or what must not be written is.
 */
#include "gemm.h"
#include "product_kernels.h"
#include <stdio.h>
#include <string.h>

enum { ROWS = 30, DEPTH = 140, COLUMNS = 80, STRIDE = COLUMNS + 3, X_STRIDE = DEPTH + 5 };
static float x[ROWS * X_STRIDE + 4], transposed[DEPTH * ROWS], w[DEPTH * COLUMNS], packed[DEPTH * COLUMNS],
    bias[COLUMNS];
static float first[ROWS * STRIDE], y[ROWS * STRIDE], z[ROWS * STRIDE];
static unsigned state = 1;

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
      const double error = (value > sum ? value - sum : sum - value) / size;
      most = error > most ? error : most;
    }
  return most;
}

int main(void) {
  const ProductKernel *kernel = choose_kernel();
  double most = 0;
  for (int i = 0; i < ROWS * X_STRIDE; i++) x[i] = draw();
  for (int i = 0; i < DEPTH * COLUMNS; i++) w[i] = draw();
  for (int i = 0; i < COLUMNS; i++) bias[i] = draw();
  for (int i = 0; i < ROWS * STRIDE; i++) first[i] = draw();
  static const int depths[] = {1, 13, 64, 65, 140};
  for (int m = 1; m <= ROWS; m++)
    for (int n = 16; n <= COLUMNS; n += 16)
      for (int d = 0; d < 5; d++)
        for (int start = 0; start < 3; start++) {
          const int k = depths[d];
          kernel->pack(k, n, w, packed);
          memcpy(y, first, sizeof y), memcpy(z, first, sizeof z);
          if (start < 2) linear(kernel, m, n, k, x, X_STRIDE, packed, start ? bias : 0, y, STRIDE);
          else linear_add(kernel, m, n, k, x, X_STRIDE, packed, y, STRIDE);
          const double error = error_of(m, n, k, start == 1, start == 2);
          if (error < 0) return printf("written beside [%d, %d]\n", m, n), 1;
          most = error > most ? error : most;
          /* each row alone */
          for (int i = 0; i < m; i++)
            if (start < 2)
              linear(kernel, 1, n, k, x + i * X_STRIDE, X_STRIDE, packed, start ? bias : 0, z + i * STRIDE, STRIDE);
            else linear_add(kernel, 1, n, k, x + i * X_STRIDE, X_STRIDE, packed, z + i * STRIDE, STRIDE);
          if (memcmp(y, z, sizeof y)) return printf("rows of [%d, %d, %d] depend on their company\n", m, n, k), 1;
          /* arrays as they stand, x transposed */
          for (int i = 0; i < m; i++)
            for (int q = 0; q < k; q++) transposed[q * m + i] = x[i * X_STRIDE + q];
          memcpy(y, first, sizeof y);
          gemm((Gemm){m, n, k, transposed, 1, m, w, n, y, STRIDE, start == 1 ? bias : 0, start == 2});
          const double other = error_of(m, n, k, start == 1, start == 2);
          if (other < 0) return printf("gemm() wrote beside [%d, %d]\n", m, n), 1;
          most = other > most ? other : most;
        }
  printf("%s %g\n", kernel->name, most);
  return 0;
}
