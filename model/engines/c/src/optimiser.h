/* AdamW and Muon on the flat arrays; which parameter takes which is told by a list of Muon's matrices. */
#ifndef MOLSTEP_OPTIMISER_H
#define MOLSTEP_OPTIMISER_H
#include "constants.h"
#include "gemm.h"
#include "layout.h"
#include "product_kernels.h"
#include "transpose.h"

typedef struct {
  long at;
  int rows, columns; /* [in, out] */
} Matrix;

/* Most of Muon's matrices. */
enum { MATRICES_MAX = BLOCKS_MAX * 10 };

/* Muon's matrices: those of the blocks, the mixing of sets apart. Returns their number. */
static int muon_matrices(const Sizes *s, const Layout *l, Matrix *out) {
  int count = 0;
  const int f = s->f;
#define ADD(offset, r, c) (out[count++] = (Matrix){offset, r, c})
  for (int b = 0; b < s->blocks; b++) {
    const BlockLayout *k = &l->block[b];
    for (int part = 0; part < 3; part++) ADD(k->qkv_w + (long)part * f * f, f, f);
    ADD(k->edge_w, f + SETS, 2 * PAIR);
    ADD(k->radial_w, s->radial + SHAPES, PAIR);
    if (s->estimates) ADD(k->estimate_w, DISTANCES, PAIR);
    ADD(k->pair_w, PAIR, PAIR_OUT);
    ADD(k->out_w, f + PAIR, f);
    ADD(k->up_w, f + SETS, s->hidden);
    ADD(k->down_w, s->hidden, f + SETS);
  }
#undef ADD
  return count;
}

/* Floats of scratch that orthogonalise() needs for a matrix. */
static long muon_scratch(const Matrix *m) {
  const long r = (m->rows < m->columns ? m->rows : m->columns) + 15,
             c = (m->rows < m->columns ? m->columns : m->rows) + 15;
  return 3 * r * c + 4 * r * r;
}

/* b = linear I + cubic a + quintic a^2 of a symmetric a [r, r]: what an iteration multiplies by. */
static void newton_schulz(const ProductKernel *kernel, int r, const float *a, float *b) {
  const float cubic = MUON_CUBIC, quintic = MUON_QUINTIC;
  gemm_symmetric(
      kernel,
      (Gemm){.m = r, .n = r, .k = r, .a = a, .a_row = r, .a_column = 1, .b = a, .b_row = r, .c = b, .c_row = r});
  for (long k = 0; k < (long)r * r; k++) b[k] = cubic * a[k] + quintic * b[k];
  for (long k = 0; k < r; k++) b[k * r + k] += (float)MUON_LINEAR;
}

/* c = a b of symmetric matrices [r, r] that commute, so that c is symmetric too */
static void commuting(const ProductKernel *kernel, int r, const float *a, const float *b, float *c) {
  gemm_symmetric(
      kernel,
      (Gemm){.m = r, .n = r, .k = r, .a = a, .a_row = r, .a_column = 1, .b = b, .b_row = r, .c = c, .c_row = r});
}

/*
 * Newton-Schulz iteration towards the nearest semi-orthogonal matrix (Jordan et al. 2024, Muon).
 * x [r, c] with r <= c, r a multiple of 16, row length c16 (a multiple of 16, padded with zeros); normalised to |x| = 1 on entry. Returns
 * where the result stands, x or y. Scratch: y, xt as x; four of [r, r] from `square` on.
 *
 * Each step is x <- b x with b a polynomial of a = x x^T. Where x is long, a alone is taken from step to step, a <- b a b, and x is multiplied
 * once, by all b: half the products. That squares what is small, so it is done in single precision; kernels that multiply several times
 * faster than that take the direct way.
 */
static float *orthogonalise(const ProductKernel *kernel, float *x, float *y, float *xt, float *square, int r, int c16) {
  const long size = (long)r * r;
  float *a = square, *b = a + size;
  const int gram = c16 >= 2 * r && kernel->use() < MUCH_FASTER;
  if (gram) kernel = &FLOAT32;
  for (int step = 0; step < MUON_STEPS; step++) {
    if (step == 0 || !gram) {
      transpose(x, r, c16, xt);
      gemm_symmetric(
          kernel,
          (Gemm){
              .m = r, .n = r, .k = c16, .a = x, .a_row = c16, .a_column = 1, .b = xt, .b_row = r, .c = a, .c_row = r});
    }
    newton_schulz(kernel, r, a, b);
    if (gram) {
      float *all = b + size, *next = all + size; /* the product of the steps so far, and room */
      const int last = step == MUON_STEPS - 1;
      if (!last) commuting(kernel, r, b, a, next), commuting(kernel, r, next, b, a);
      if (step > 0) commuting(kernel, r, b, all, next);
      __builtin_memcpy(all, step > 0 ? next : b, size * sizeof(float));
      if (!last) continue;
      b = all;
    }
    gemm(kernel,
         (Gemm){
             .m = r, .n = c16, .k = r, .a = b, .a_row = r, .a_column = 1, .b = x, .b_row = c16, .c = y, .c_row = c16});
    float *swap = x;
    x = y, y = swap;
  }
  return x;
}

/* One Muon update: p -= rate sqrt(max(1, out/in)) orthogonalise(g + beta (m - g)), momentum m <- beta m + (1-beta) g. */
static void muon_update(const ProductKernel *kernel, const Matrix *m, float *p, const float *g, float *momentum,
                        float gain, float rate, float *scratch) {
  const int wide = m->rows <= m->columns, r = ((wide ? m->rows : m->columns) + 15) / 16 * 16, /* with rows of zeros */
      c = wide ? m->columns : m->rows, c16 = (c + 15) / 16 * 16;
  float *x = scratch, *y = x + (long)r * c16, *xt = y + (long)r * c16, *square = xt + (long)r * c16;
  const float beta = MUON_MOMENTUM;
  double norm = 0;
  for (long k = 0; k < (long)r * c16; k++) x[k] = 0.f;
  for (int i = 0; i < m->rows; i++)
    for (int j = 0; j < m->columns; j++) {
      const long at = m->at + (long)i * m->columns + j;
      const float grad = g[at] * gain, v = momentum[at] = beta * momentum[at] + (1.f - beta) * grad;
      const float u = (1.f - beta) * grad + beta * v;
      norm += (double)u * u;
      x[wide ? (long)i * c16 + j : (long)j * c16 + i] = u;
    }
  const float inverse = 1.f / ((float)__builtin_sqrt(norm) + 1e-7f);
  for (long k = 0; k < (long)r * c16; k++) x[k] *= inverse;
  x = orthogonalise(kernel, x, y, xt, square, r, c16);
  const float ratio = (float)m->columns / m->rows, step = rate * (ratio > 1.f ? __builtin_sqrtf(ratio) : 1.f);
  for (int i = 0; i < m->rows; i++)
    for (int j = 0; j < m->columns; j++)
      p[m->at + (long)i * m->columns + j] -= step * x[wide ? (long)i * c16 + j : (long)j * c16 + i];
}

/* AdamW without decay on [from, to); `count` is the update's number from 1. */
static void adam_update(float *restrict p, const float *restrict g, float *restrict m, float *restrict v, long from,
                        long to, float gain, float rate, float correct1, float correct2) {
  const float beta1 = ADAM_BETA1, beta2 = ADAM_BETA2, rest1 = 1 - ADAM_BETA1, rest2 = 1 - ADAM_BETA2;
  for (long k = from; k < to; k++) {
    const float grad = g[k] * gain;
    m[k] = beta1 * m[k] + rest1 * grad;
    v[k] = beta2 * v[k] + rest2 * grad * grad;
    p[k] -= rate * (m[k] * correct1) / (__builtin_sqrtf(v[k] * correct2) + (float)ADAM_EPSILON);
  }
}

#endif
