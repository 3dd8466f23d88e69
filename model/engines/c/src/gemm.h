/*
 * Products of arrays as they stand, for gradients and updates: C[M,N] (+)= A[M,K] B[K,N], N a multiple of 16, A by two strides so that A^T
 * costs nothing. Products with weights that stay as they are for many calls go through product.h.
 */
#ifndef MOLSTEP_GEMM_H
#define MOLSTEP_GEMM_H
#include "product.h"
#include "transpose.h"
#include "vector.h"

INLINE void gemm(const ProductKernel *kernel, Gemm g) { kernel->arrays(&g); }

/* C = A B where the product is known to be symmetric [n, n]: the lower triangle is computed, the upper copied. */
static void gemm_symmetric(const ProductKernel *kernel, Gemm g) {
  g.lower = 1;
  gemm(kernel, g);
  mirror(g.n, g.c, g.c_row);
}

/* dw[k,n] += x[m,k]^T dy[m,n] */
INLINE void weight_gradient(const ProductKernel *kernel, int m, int n, int k, const float *x, long x_row,
                            const float *dy, long dy_row, float *dw) {
  gemm(kernel, (Gemm){.m = k,
                      .n = n,
                      .k = m,
                      .a = x,
                      .a_row = 1,
                      .a_column = x_row,
                      .b = dy,
                      .b_row = dy_row,
                      .c = dw,
                      .c_row = n,
                      .accumulate = 1});
}

#endif
