/*
 * The port of matrix products with weights: what a product is, and what a kernel offers that computes it. Kernels stand in files of their
 * own (product_*.h), one is chosen in product_kernels.h, and all others know only this.
 *
 * A weight is packed once, then multiplied by many times. How it lies when packed is its kernel's own affair.
 */
#ifndef MOLSTEP_PRODUCT_H
#define MOLSTEP_PRODUCT_H

/*
 * y = start + x w. Shapes, with strides in floats:
 *   x [m, k], rows `x_row` apart
 *   w [k, n], as the kernel's pack() left it; n is a multiple of 16
 *   y [m, n], rows `y_row` apart; not x
 *   start: y itself where `accumulate`, else `bias` [n], else 0
 */
typedef struct {
  int m, n, k;
  const float *x;
  long x_row;
  const float *w;
  const float *bias;
  int accumulate;
  float *y;
  long y_row;
} Product;

/*
 * c [m, n] = start + a [m, k] b [k, n] of arrays as they stand, n a multiple of 16; `start` is c itself where `accumulate`, else `bias` [n],
 * else 0. Element (i, k) of a is at a[i a_row + k a_column], and one of the two strides is 1; element (k, j) of b at b[k b_row + j].
 */
typedef struct {
  int m, n, k;
  const float *a;
  long a_row, a_column;
  const float *b;
  long b_row;
  float *c;
  long c_row;
  const float *bias;
  int accumulate;
  int lower;    /* only what is on and below c's diagonal is wanted: the rest may be written or not */
  long b_panel; /* not to be set: what kernels keep beside */
} Gemm;

/*
 * A kernel. Each element of y is one chain over k in order, whatever m is and wherever its row stands: the result for a row does not depend
 * on what else is in the batch.
 */
typedef struct {
  const char *name; /* what computes, and the precision of factors: avx512-f32 */
  int rows;         /* of y that are computed together: who divides rows among threads does so in multiples of them */
  int panel;        /* columns of w that are computed together */
  /* w [k, n] by rows -> packed [k n floats at most]; `packed` is not `w` */
  void (*pack)(int k, int n, const float *w, float *packed);
  void (*multiply)(const Product *product);
  /* of arrays, for gradients and updates; 0 where the build does not train */
  void (*arrays)(const Gemm *product);
  /* One of the below. */
  int (*use)(void);
} ProductKernel;

/* Of what use a kernel is here: the processor or the system does not grant it; they do; it is faster than single precision; by several times */
enum { NO_USE, OF_USE, FASTER, MUCH_FASTER };
static int of_use(void) { return OF_USE; }

/* y [m, n] = x [m, k] w [k, n] + bias [n], w packed by `kernel` */
static inline void linear(const ProductKernel *kernel, int m, int n, int k, const float *x, long x_row, const float *w,
                          const float *bias, float *y, long y_row) {
  kernel->multiply(
      &(Product){.m = m, .n = n, .k = k, .x = x, .x_row = x_row, .w = w, .bias = bias, .y = y, .y_row = y_row});
}

/* y [m, n] += x [m, k] w [k, n], w packed by `kernel` */
static inline void linear_add(const ProductKernel *kernel, int m, int n, int k, const float *x, long x_row,
                              const float *w, float *y, long y_row) {
  kernel->multiply(
      &(Product){.m = m, .n = n, .k = k, .x = x, .x_row = x_row, .w = w, .accumulate = 1, .y = y, .y_row = y_row});
}

#endif
