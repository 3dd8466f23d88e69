/*
 * Products of arrays as they stand, in single precision, for gradients and updates: C[M,N] (+)= A[M,K] B[K,N], N a multiple of 16, A by two
 * strides so that A^T costs nothing. Products with weights that stay as they are for many calls go through product.h.
 */
#ifndef MOLSTEP_GEMM_H
#define MOLSTEP_GEMM_H
#include "product_kernels.h"
#include "product_tiles.h"

/* B by rows, `b_row` apart. */
static void gemm(Gemm g) {
  g.b_panel = PANEL;
  multiply_tiles(&g);
}

/* C = A B where the product is known to be symmetric [n, n]: the lower triangle is computed, the upper copied. */
static void gemm_symmetric(Gemm g) {
  for (int j = 0; j < g.n; j += PANEL) {
    Gemm part = g;
    part.m = g.n - j, part.n = g.n - j < PANEL ? g.n - j : PANEL;
    part.a += j * g.a_row, part.b += j, part.c += j * g.c_row + j;
    gemm(part);
  }
  for (int i = 0; i < g.n; i++)
    for (int j = i + 1; j < g.n; j++) g.c[i * g.c_row + j] = g.c[j * g.c_row + i];
}

/* dw[k,n] += x[m,k]^T dy[m,n] */
INLINE void weight_gradient(int m, int n, int k, const float *x, long x_row, const float *dy, long dy_row, float *dw) {
  gemm((Gemm){k, n, m, x, 1, x_row, dy, dy_row, dw, n, 0, 1});
}

#endif
