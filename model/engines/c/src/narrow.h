/*
 * Products of 16-bit factors with sums in single precision: what kernels of that kind have in common. Factors are converted where they are
 * multiplied, a block at a time, so all around stays in single precision. Small products, where converting would cost more than it saves and
 * where logits are made, are left to the kernel in single precision.
 */
#ifndef MOLSTEP_NARROW_H
#define MOLSTEP_NARROW_H
#include "product.h"
#include "vector.h"
#include FLOAT32_HEADER

enum {
  NARROW_MOST = 4096,   /* most rows of b where it is converted */
  NARROW_ROWS = 96,     /* rows of a that are packed at once, at most, */
  NARROW_BYTES = 98304, /* and their bytes, but for 16 rows of the deepest */
  NARROW_DEPTH = 288,   /* rows and columns of b that are packed at once, where b is no weight */
  NARROW_COLUMNS = 256
};
enum { NARROW_ROOM = NARROW_MOST * 16 * 2 > NARROW_BYTES ? NARROW_MOST * 16 * 2 : NARROW_BYTES };

/*
 * A block: c [m, n] = start + undo[i] (a b)[i, j], where a and b lie as the kind packs them; start as in Product. Of a block that is `lower`
 * only columns up to `diagonal` + m are wanted.
 */
typedef struct {
  int m, n, k;
  const void *a, *b;
  long a_row, a_column; /* as pack_a() left them */
  const float *undo;    /* [m] what undoes the scales of a's rows and of b */
  const float *bias;
  int accumulate, lower, diagonal;
  float *c;
  long c_row;
} NarrowBlock;

/* A kind of 16-bit factors. What is packed starts on a cache line. */
typedef struct {
  int depth;      /* k is rounded up to its multiples */
  int step;       /* so many rows of a, or multiples of them, are best packed at once */
  int least;      /* fewest rows and columns of b where it is converted, */
  int least_rows; /* and of a, where b is no weight: where it is, a's rows must not matter */
  /* b [k, n], rows b_row apart -> packed, of `depth`. Returns what undoes its scale. */
  float (*pack_b)(int depth, int k, int n, const float *b, long b_row, void *packed);
  /* block->m rows of a -> packed, with room for a multiple of 16; writes what multiply() needs of a_row, a_column, and what undoes each row's scale */
  void (*pack_a)(NarrowBlock *block, const float *a, long a_row, long a_column, void *packed, float *undo);
  void (*multiply)(const NarrowBlock *block);
} NarrowKind;

/* Whether a product with b [k, n] is one of 16-bit factors. */
INLINE int narrow_fits(const NarrowKind *kind, int k, int n) {
  return k >= kind->least && k <= NARROW_MOST && n >= kind->least;
}

/* Where a packed weight begins, on a cache line behind the number that undoes its scale. It takes about half the room of w. */
static inline char *narrow_at(const float *packed) { return (char *)(((unsigned long)packed + 4 + 63) & ~63ul); }

INLINE void narrow_pack(const NarrowKind *kind, int k, int n, const float *w, float *packed) {
  if (!narrow_fits(kind, k, n)) pack_panels(k, n, w, packed);
  else packed[0] = kind->pack_b(kind->depth, k, n, w, n, narrow_at(packed));
}

/* All rows of a block whose b is packed. `b_undo` undoes b's scale. */
INLINE void narrow_rows(const NarrowKind *kind, const float *a, long a_row, long a_column, float b_undo,
                        NarrowBlock whole) {
  char packed[NARROW_ROOM] __attribute__((aligned(64)));
  float undo[NARROW_ROWS];
  const int depth = (whole.k + kind->depth - 1) / kind->depth * kind->depth,
            most = NARROW_BYTES / (2 * depth) / kind->step * kind->step,
            limit = whole.lower ? kind->step : NARROW_ROWS, /* less beyond the diagonal */
      rows = most > limit ? limit
             : most < 16  ? 16
                          : most;
  for (int i = 0; i < whole.m; i += rows) {
    NarrowBlock block = whole;
    block.m = whole.m - i < rows ? whole.m - i : rows, block.diagonal = whole.diagonal + i;
    if (block.lower && block.diagonal + block.m <= 0) continue;
    kind->pack_a(&block, a + i * a_row, a_row, a_column, packed, undo);
    for (int r = 0; r < block.m; r++) undo[r] *= b_undo;
    block.a = packed, block.undo = undo, block.c = whole.c + i * whole.c_row;
    kind->multiply(&block);
  }
}

INLINE void narrow_multiply(const NarrowKind *kind, const Product *p) {
  if (!narrow_fits(kind, p->k, p->n)) {
    multiply_panels(p);
    return;
  }
  NarrowBlock whole = {.m = p->m, .n = p->n, .k = p->k, .b = narrow_at(p->w), .bias = p->bias};
  whole.accumulate = p->accumulate, whole.c = p->y, whole.c_row = p->y_row;
  narrow_rows(kind, p->x, p->x_row, 1, p->w[0], whole);
}

INLINE void narrow_arrays(const NarrowKind *kind, const Gemm *g) {
  if (!narrow_fits(kind, g->k, g->n) || g->m < kind->least_rows) {
    multiply_arrays(g);
    return;
  }
  char packed[NARROW_DEPTH * NARROW_COLUMNS * 2] __attribute__((aligned(64)));
  for (int k = 0; k < g->k; k += NARROW_DEPTH)
    for (int j = 0; j < g->n; j += NARROW_COLUMNS) {
      NarrowBlock whole = {.m = g->m, .b = packed, .c = g->c + j, .c_row = g->c_row};
      whole.k = g->k - k < NARROW_DEPTH ? g->k - k : NARROW_DEPTH;
      whole.n = g->n - j < NARROW_COLUMNS ? g->n - j : NARROW_COLUMNS;
      whole.accumulate = g->accumulate || k > 0, whole.bias = g->bias ? g->bias + j : 0;
      whole.lower = g->lower, whole.diagonal = -j;
      const float undo = kind->pack_b(kind->depth, whole.k, whole.n, g->b + k * g->b_row + j, g->b_row, packed);
      narrow_rows(kind, g->a + k * g->a_column, g->a_row, g->a_column, undo, whole);
    }
}

/* The kernel NAME of a kind. */
#define NARROW_KERNEL(KERNEL, KIND, NAME, ROWS, PANEL_COLUMNS, USE)                                                  \
  static void KERNEL##_pack(int k, int n, const float *w, float *at) { narrow_pack(&KIND, k, n, w, at); }            \
  static void KERNEL##_multiply(const Product *p) { narrow_multiply(&KIND, p); }                                     \
  static void KERNEL##_arrays(const Gemm *g) { narrow_arrays(&KIND, g); }                                            \
  static const ProductKernel KERNEL = {NAME, ROWS, PANEL_COLUMNS, KERNEL##_pack, KERNEL##_multiply, KERNEL##_arrays, \
                                       USE};

#endif
