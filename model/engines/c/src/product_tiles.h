/*
 * Products in tiles of registers, written with the compiler's vectors: PRODUCT_ROWS rows by PANEL columns, as many as the architecture has
 * registers for. Its file (product_avx512.h, ...) says how many rows before it includes this one.
 *
 * Operands may stand anyhow, so that gemm.h multiplies arrays as they are by the same tiles.
 */
#ifndef MOLSTEP_PRODUCT_TILES_H
#define MOLSTEP_PRODUCT_TILES_H
#include "product.h"
#include "vector.h"

#ifndef PRODUCT_ROWS
#define PRODUCT_ROWS 6
#endif

/* Columns of a tile, in vectors and in floats. */
enum { TILE_VECTORS = 2, PANEL = TILE_VECTORS * VECTOR_FLOATS };

/* A product as the tiles take it: column j of b stands in panel p = j / PANEL, element (k, j) at b[p b_panel + k b_row + j % PANEL]. */
/* Rows that share a pointer: an instruction adds 0, 1 or 2 strides to it by itself. */
enum { ROWS_A_POINTER = 3, ROW_POINTERS = (PRODUCT_ROWS + ROWS_A_POINTER - 1) / ROWS_A_POINTER };

/* Or gcc leaves the sums in memory. */
#define UNROLLED _Pragma("GCC unroll 16")

/* acc [rows, columns] += rows of a from `a` times the panel at `b`. `first`: these rows are the first to pass over it. */
INLINE void tile_products(const int rows, const int columns, const Gemm *g, const float *a, const float *b,
                          vector acc[PRODUCT_ROWS][TILE_VECTORS], const int first) {
  const long row = g->a_row, next = g->b_panel;
  const float *at[ROW_POINTERS];
  UNROLLED for (int p = 0; p * ROWS_A_POINTER < rows; p++) at[p] = a + p * ROWS_A_POINTER * row;
  for (int k = g->k; k > 0; k--, b += g->b_row) {
    vector y[TILE_VECTORS];
    UNROLLED for (int q = 0; q < columns; q++) y[q] = part(b, q);
    if (first) { /* the next panel */
      UNROLLED for (int q = 0; q < columns; q++) __builtin_prefetch(b + next + q * VECTOR_FLOATS, 0, 2);
    }
    UNROLLED for (int r = 0; r < rows; r++) {
      const vector x = ALL(at[r / ROWS_A_POINTER][r % ROWS_A_POINTER * row]);
      UNROLLED for (int q = 0; q < columns; q++) acc[r][q] = FMA(x, y[q], acc[r][q]);
    }
    UNROLLED for (int p = 0; p * ROWS_A_POINTER < rows; p++) {
      at[p] += g->a_column;
      OPAQUE(at[p]);
    }
  }
}

/* Rows i to i + rows of c, columns from j. */
INLINE void tile(const int rows, const int columns, const Gemm *g, int i, int j, const int first) {
  vector acc[PRODUCT_ROWS][TILE_VECTORS];
  float *c = g->c + i * g->c_row + j;
  UNROLLED for (int r = 0; r < rows; r++) {
    UNROLLED for (int q = 0; q < columns; q++) {
      if (g->accumulate) acc[r][q] = part(c + r * g->c_row, q);
      else if (g->bias) acc[r][q] = part(g->bias + j, q);
      else acc[r][q] = ALL(0);
    }
  }
  tile_products(rows, columns, g, g->a + i * g->a_row, g->b + j / PANEL * g->b_panel, acc, first);
  UNROLLED for (int r = 0; r < rows; r++) {
    UNROLLED for (int q = 0; q < columns; q++) put(c + r * g->c_row, q, acc[r][q]);
  }
}

/* All rows of c, columns from j: whole tiles, and one of the rows that are left. */
#define TILE(R, Q) \
  case R: tile(R, Q, g, i, j, 0); break;
#if PRODUCT_ROWS == 12
#define TILES_FROM_6(Q) TILE(6, Q) TILE(7, Q) TILE(8, Q) TILE(9, Q) TILE(10, Q) TILE(11, Q)
#elif PRODUCT_ROWS == 6
#define TILES_FROM_6(Q)
#else
#error "tiles have 6 or 12 rows"
#endif
#define TILES(NAME, Q)                                                                           \
  static __attribute__((noinline)) void NAME(const Gemm *g, int j) {                             \
    int i = 0;                                                                                   \
    if (PRODUCT_ROWS <= g->m) tile(PRODUCT_ROWS, Q, g, 0, j, 1), i = PRODUCT_ROWS;               \
    for (; i + PRODUCT_ROWS <= g->m; i += PRODUCT_ROWS) tile(PRODUCT_ROWS, Q, g, i, j, 0);       \
    switch (g->m - i) { TILE(1, Q) TILE(2, Q) TILE(3, Q) TILE(4, Q) TILE(5, Q) TILES_FROM_6(Q) } \
  }
TILES(tiles_of_1, 1)
TILES(tiles_of_2, 2)

static void multiply_tiles(const Gemm *g) {
  int j = 0;
  for (; j + PANEL <= g->n; j += PANEL) tiles_of_2(g, j);
  if (j < g->n) tiles_of_1(g, j);
}

/* w [k, n] by rows -> panels of PANEL columns, each by rows; the last may be of half as many. */
static void pack_panels(int k, int n, const float *w, float *packed) {
  for (int j = 0; j < n; j += PANEL)
    for (int i = 0; i < k; i++)
      for (int c = j; c < n && c < j + PANEL; c += VECTOR_FLOATS, packed += VECTOR_FLOATS)
        put(packed, 0, part(w + (long)i * n + c, 0));
}

static void multiply_arrays(const Gemm *product) {
  Gemm g = *product;
  g.b_panel = PANEL;
  if (!g.lower) {
    multiply_tiles(&g);
    return;
  }
  for (int j = 0; j < product->n; j += PANEL) { /* a panel's rows from the diagonal on */
    g.m = product->m - j, g.n = product->n - j < PANEL ? product->n - j : PANEL;
    g.a = product->a + j * g.a_row, g.b = product->b + j, g.c = product->c + j * g.c_row + j;
    g.bias = product->bias ? product->bias + j : 0;
    multiply_tiles(&g);
  }
}

static void multiply_panels(const Product *p) {
  const int whole = p->n / PANEL * PANEL;
  Gemm g = {.m = p->m, .n = whole, .k = p->k, .a = p->x, .a_row = p->x_row, .a_column = 1};
  g.b = p->w, g.b_row = PANEL, g.b_panel = (long)p->k * PANEL;
  g.c = p->y, g.c_row = p->y_row, g.bias = p->bias, g.accumulate = p->accumulate;
  multiply_tiles(&g);
  if (whole == p->n) return;
  g.n = p->n - whole, g.b += (long)whole * p->k, g.b_row = VECTOR_FLOATS;
  g.c += whole, g.bias = p->bias ? p->bias + whole : 0;
  multiply_tiles(&g);
}

#endif
