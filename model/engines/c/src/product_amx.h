/*
 * The product of bfloat16 factors by AMX (Sapphire Rapids and later): a tile is 16 rows of 64 bytes, and an instruction adds a tile of a, 16 rows
 * of 32 numbers, times one of b, 16 rows of 16 pairs, to one of sums in single precision. Four tiles of c, 32 rows by 32 columns, are computed
 * together.
 *
 * Packed a lies in tiles of its own, [rows / 16, k / 32, 16, 32]; b in the panels of narrow_pairs.h. k is rounded up to a multiple of 32 by zeros.
 * Rows that are left are configured as tiles of fewer rows: nothing beside c is read or written.
 */
#ifndef MOLSTEP_PRODUCT_AMX_H
#define MOLSTEP_PRODUCT_AMX_H
#include "narrow_bf16.h"
#include "transpose_registers.h"
#include <sys/syscall.h>
#include <unistd.h>

enum {
  AMX_ROWS = 16,
  AMX_DEPTH = 32,
  AMX_TILE = AMX_ROWS * AMX_DEPTH, /* numbers of a in a tile */
  AMX_STEP = 2 * AMX_ROWS,         /* rows of c that are computed together */
  AMX_LEAST = 32                   /* as was measured, products gain from here on */
};

INLINE int amx_deep(int k) { return (k + AMX_DEPTH - 1) / AMX_DEPTH * AMX_DEPTH; }

/* 16 columns of x [k, columns] or the `count` that there are, rows of a from q to q + 32 -> a tile */
INLINE void amx_pack_columns(int k, int q, int count, const float *x, long row, __m512i *tile) {
  __m512i r[16];
  UNROLLED for (int p = 0; p < 16; p++) {
    const int at = q + 2 * p;
    r[p] = bf16_pairs(at < k ? load_first(x + at * row, count) : _mm512_setzero_ps(),
                      at + 1 < k ? load_first(x + (at + 1) * row, count) : _mm512_setzero_ps());
  }
  transpose_registers(r);
  UNROLLED for (int p = 0; p < 16; p++) _mm512_store_si512(tile + p, r[p]);
}

static void amx_pack_a(NarrowBlock *block, const float *a, long a_row, long a_column, void *packed, float *undo) {
  const int m = block->m, k = block->k, deep = amx_deep(k);
  __m512i *out = packed;
  for (int i = 0; i < m; i++) undo[i] = 1;
  if (a_column == 1) {
    for (int i = 0; i < m; i++) {
      const float *x = a + i * a_row;
      __m512i *to = out + (long)(i / AMX_ROWS) * AMX_ROWS * (deep / AMX_DEPTH) + i % AMX_ROWS;
      for (int q = 0; q < deep; q += AMX_DEPTH, to += AMX_ROWS)
        _mm512_store_si512(to, bf16_narrow(load_first(x + q, k - q), load_first(x + q + 16, k - q - 16)));
    }
  } else {
    for (int i = 0; i < m; i += AMX_ROWS)
      for (int q = 0; q < deep; q += AMX_DEPTH, out += AMX_ROWS) amx_pack_columns(k, q, m - i, a + i, a_column, out);
  }
}

/* The shapes of tiles, as the processor takes them. */
typedef struct {
  unsigned char palette, start, reserved[14];
  unsigned short bytes[16];
  unsigned char rows[16];
} AmxShapes;

/*
 * Tiles 0 to 3 are of c, 4 and 5 of a, 6 and 7 of b: `first` rows of c and a in 0, 1 and 4, and `second`, which may be 0, in 2, 3 and 5.
 *
 * What gcc's intrinsics read it does not know: it might take away, or put behind them, what is written to these shapes, to packed factors and to
 * c. So it is told here that all of memory is looked at.
 */
INLINE void amx_configure(int first, int second) {
  AmxShapes shapes = {.palette = 1};
  for (int t = 0; t < 8; t++) {
    const int rows = t > 5 ? AMX_ROWS : t < 2 || t == 4 ? first : second;
    shapes.rows[t] = (unsigned char)rows, shapes.bytes[t] = rows ? 64 : 0;
  }
  __asm__ volatile("" : : "r"(&shapes) : "memory");
  _tile_loadconfig(&shapes);
}

/* The intrinsics take literal numbers of tiles, hence macros. Tile T of c, I rows and J columns from its first. A stride of 0 repeats a row. */
#define AMX_START(T, I, J)                                              \
  do {                                                                  \
    if (g->accumulate) _tile_loadd(T, c + (I) * g->c_row + (J), c_row); \
    else if (g->bias) _tile_loadd(T, g->bias + j + (J), 0);             \
    else _tile_zero(T);                                                 \
  } while (0)
#define AMX_STORE(T, I, J) _tile_stored(T, c + (I) * g->c_row + (J), c_row)

/* Rows of c from i, columns from j, 1 or 2 tiles of each; the panel of these columns stands at b. */
INLINE void amx_tile(const int rows, const int columns, const NarrowBlock *g, int i, int j, const unsigned short *b) {
  const int steps = amx_deep(g->k) / AMX_DEPTH;
  const long c_row = g->c_row * 4, b_row = columns * 64, below = (long)steps * AMX_TILE;
  const unsigned short *a = (const unsigned short *)g->a + (long)(i / AMX_ROWS) * below;
  float *c = g->c + i * g->c_row + j;
  AMX_START(0, 0, 0);
  if (columns > 1) AMX_START(1, 0, 16);
  if (rows > 1) AMX_START(2, AMX_ROWS, 0);
  if (rows > 1 && columns > 1) AMX_START(3, AMX_ROWS, 16);
  for (int q = 0; q < steps; q++, a += AMX_TILE, b += columns * AMX_TILE) {
    _tile_loadd(4, a, 64);
    _tile_loadd(6, b, b_row);
    _tile_dpbf16ps(0, 4, 6);
    if (columns > 1) {
      _tile_loadd(7, b + 32, b_row);
      _tile_dpbf16ps(1, 4, 7);
    }
    if (rows > 1) {
      _tile_loadd(5, a + below, 64);
      _tile_dpbf16ps(2, 5, 6);
      if (columns > 1) _tile_dpbf16ps(3, 5, 7);
    }
  }
  AMX_STORE(0, 0, 0);
  if (columns > 1) AMX_STORE(1, 0, 16);
  if (rows > 1) AMX_STORE(2, AMX_ROWS, 0);
  if (rows > 1 && columns > 1) AMX_STORE(3, AMX_ROWS, 16);
}
#undef AMX_START
#undef AMX_STORE

/* All columns of rows `from` (a multiple of AMX_STEP) to `to`, in steps of 1 or 2 tiles, as is configured. */
INLINE void amx_rows(const int rows, const NarrowBlock *g, int from, int to) {
  const unsigned short *b = g->b;
  for (int j = 0; j < g->n; j += PAIRS_PANEL, b += (long)amx_deep(g->k) * PAIRS_PANEL) {
    const int wanted = g->lower && j > g->diagonal ? (j - g->diagonal) / AMX_STEP * AMX_STEP : 0;
    for (int i = from > wanted ? from : wanted; i < to; i += AMX_STEP) {
      if (g->n - j >= PAIRS_PANEL) amx_tile(rows, 2, g, i, j, b);
      else amx_tile(rows, 1, g, i, j, b);
    }
  }
}

/* The tiles' configuration belongs to a thread, and is given back before others compute on it. */
static void amx_multiply(const NarrowBlock *g) {
  const int whole = g->m / AMX_STEP * AMX_STEP, left = g->m - whole;
  if (whole) {
    amx_configure(AMX_ROWS, AMX_ROWS);
    amx_rows(2, g, 0, whole);
  }
  if (left > AMX_ROWS) {
    amx_configure(AMX_ROWS, left - AMX_ROWS);
    amx_rows(2, g, whole, g->m);
  } else if (left) {
    amx_configure(left, 0);
    amx_rows(1, g, whole, g->m);
  }
  _tile_release();
}

/*
 * Linux grants a process the tiles' state where it asks for it, from version 5.16 on: arch_prctl(ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA). It is
 * asked once; threads that ask at the same time get the same answer.
 */
static int amx_use(void) {
  enum { REQUEST = 0x1023, TILE_DATA = 18, GRANTED = 1, REFUSED = -1 };
  static int answer;
  int known = __atomic_load_n(&answer, __ATOMIC_RELAXED);
  if (!known) {
    known = syscall(SYS_arch_prctl, REQUEST, TILE_DATA) ? REFUSED : GRANTED;
    __atomic_store_n(&answer, known, __ATOMIC_RELAXED);
  }
  return known == GRANTED ? MUCH_FASTER : NO_USE;
}

static const NarrowKind AMX_KIND = {
    .depth = AMX_DEPTH,
    .step = AMX_STEP,
    .least = AMX_LEAST,
    .least_rows = AMX_ROWS,
    .pack_b = bf16_pack_b,
    .pack_a = amx_pack_a,
    .multiply = amx_multiply,
};
NARROW_KERNEL(AMX, AMX_KIND, "amx-bf16", AMX_STEP, PAIRS_PANEL, amx_use)

#endif
