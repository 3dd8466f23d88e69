/*
 * AMX in software, for processors without it: included before all else (-include), it is what the product's amx-bf16 kernel is compiled for. Tiles,
 * their shapes and the product of bfloat16 as Intel's manual has them (Architectures Software Developer's Manual, volume 2: LDTILECFG, TILELOADD,
 * TILESTORED, TILEZERO, TDPBF16PS, TILERELEASE), and Linux's permission to use them. Where the processor would fault, it says why and aborts.
 */
#ifndef MOLSTEP_AMX_EMULATED_H
#define MOLSTEP_AMX_EMULATED_H
#include <immintrin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define __AMX_TILE__ 1
#define __AMX_BF16__ 1

enum { EMULATED_TILES = 8, EMULATED_ROWS = 16, EMULATED_BYTES = 64 };

typedef struct {
  int rows, bytes;
  char data[EMULATED_ROWS][EMULATED_BYTES] __attribute__((aligned(64)));
} EmulatedTile;

static int emulated_granted;                                /* to the process */
static __thread int emulated_configured;                    /* of a thread */
static __thread EmulatedTile emulated_tile[EMULATED_TILES]; /* of a thread */

static void emulated_must(int holds, const char *what) {
  if (holds) return;
  fprintf(stderr, "AMX: %s\n", what);
  abort();
}

static long emulated_syscall(long number, long code, long feature) {
  emulated_must(number == SYS_arch_prctl && code == 0x1023 && feature == 18, "another call of the system than for AMX");
  emulated_granted = 1;
  return 0;
}

static void emulated_release(void) {
  emulated_must(emulated_granted, "the system was not asked for it");
  memset(emulated_tile, 0, sizeof emulated_tile), emulated_configured = 0;
}

/* As a program ends, its first thread must have released them. */
static __attribute__((destructor)) void emulated_end(void) {
  emulated_must(!emulated_configured, "tiles are configured at the end");
}

/* The 64 bytes of a configuration: palette, row to start at, 14 that are 0, bytes of a row of each of 16 tiles (16 bits), rows of each (8 bits). */
static void emulated_loadconfig(const void *from) {
  unsigned char bytes[64];
  memcpy(bytes, from, 64);
  emulated_release();
  emulated_must(bytes[0] == 1, "a palette that is not 1");
  for (int b = 1; b < 16; b++) emulated_must(!bytes[b], "reserved bytes, or a row to start at, that are not 0");
  for (int t = 0; t < 16; t++) {
    const int row = bytes[16 + 2 * t] | bytes[17 + 2 * t] << 8, rows = bytes[48 + t];
    emulated_must(t < EMULATED_TILES || (!row && !rows), "a shape of a tile that there is not");
    emulated_must(row <= EMULATED_BYTES && rows <= EMULATED_ROWS, "a tile of more than 16 rows of 64 bytes");
    emulated_must(!row == !rows, "a tile of no rows or of no columns");
    if (t < EMULATED_TILES) emulated_tile[t].rows = rows, emulated_tile[t].bytes = row;
  }
  emulated_configured = 1;
}

static EmulatedTile *emulated_at(int tile) {
  emulated_must(emulated_configured, "tiles are not configured");
  emulated_must(tile >= 0 && tile < EMULATED_TILES && emulated_tile[tile].rows, "a tile without a shape");
  return &emulated_tile[tile];
}

static void emulated_zero(int tile) { memset(emulated_at(tile)->data, 0, EMULATED_ROWS * EMULATED_BYTES); }

/* What is beyond the tile's shape becomes 0. */
static void emulated_loadd(int tile, const void *base, long stride) {
  EmulatedTile *t = emulated_at(tile);
  memset(t->data, 0, sizeof t->data);
  for (int r = 0; r < t->rows; r++) memcpy(t->data[r], (const char *)base + r * stride, t->bytes);
}

static void emulated_stored(int tile, void *base, long stride) {
  const EmulatedTile *t = emulated_at(tile);
  for (int r = 0; r < t->rows; r++) memcpy((char *)base + r * stride, t->data[r], t->bytes);
}

/* Numbers below the smallest normal one as zero of their sign. */
static __m512 emulated_flushed(__m512 x) {
  const __m512i bits = _mm512_castps_si512(x);
  const __mmask16 small = _mm512_testn_epi32_mask(bits, _mm512_set1_epi32(0x7f800000));
  return _mm512_castsi512_ps(_mm512_mask_and_epi32(bits, small, bits, _mm512_set1_epi32((int)0x80000000)));
}
/* Operations that say how they round: -ffast-math must not reorder them. */
#define EMULATED_ROUND (_MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)
static __m512 emulated_add(__m512 a, __m512 b) { return emulated_flushed(_mm512_add_round_ps(a, b, EMULATED_ROUND)); }
static __m512 emulated_fma(__m512 a, __m512 b, __m512 sum) {
  return emulated_flushed(_mm512_fmadd_round_ps(emulated_flushed(a), emulated_flushed(b), sum, EMULATED_ROUND));
}

/*
 * c += a b of pairs: the even and the odd products of an element are summed apart from 0 on, in order, then together, then with c. Each sum is
 * rounded to the nearest once, and denormals are zero as they come and go.
 */
static void emulated_dpbf16ps(int c_tile, int a_tile, int b_tile) {
  EmulatedTile *c = emulated_at(c_tile);
  const EmulatedTile *a = emulated_at(a_tile), *b = emulated_at(b_tile);
  emulated_must(c != a && c != b && a != b, "the same tile twice in a product");
  emulated_must(c->rows == a->rows, "a product of other rows than a's");
  emulated_must(c->bytes == b->bytes, "a product of other columns than b's");
  emulated_must(a->bytes == 4 * b->rows, "a of another depth than b");
  emulated_must(c->bytes % 4 == 0, "columns that are no multiple of 4 bytes");
  const __m512i high = _mm512_set1_epi32((int)0xffff0000);
  for (int m = 0; m < c->rows; m++) {
    __m512 even = _mm512_setzero_ps(), odd = even;
    for (int k = 0; k < a->bytes / 4; k++) {
      int pair;
      memcpy(&pair, a->data[m] + 4 * k, 4);
      const __m512i x = _mm512_set1_epi32(pair), y = _mm512_load_si512(b->data[k]);
      even = emulated_fma(_mm512_castsi512_ps(_mm512_slli_epi32(x, 16)), _mm512_castsi512_ps(_mm512_slli_epi32(y, 16)),
                          even);
      odd = emulated_fma(_mm512_castsi512_ps(_mm512_and_si512(x, high)), _mm512_castsi512_ps(_mm512_and_si512(y, high)),
                         odd);
    }
    const __m512 before = emulated_flushed(_mm512_load_ps(c->data[m])),
                 sum = emulated_add(before, emulated_add(even, odd));
    memset(c->data[m], 0, EMULATED_BYTES);
    memcpy(c->data[m], &sum, c->bytes);
  }
  for (int m = c->rows; m < EMULATED_ROWS; m++) memset(c->data[m], 0, EMULATED_BYTES);
}

#undef _tile_loadd
#undef _tile_stored
#undef _tile_zero
#undef _tile_dpbf16ps
#define _tile_loadconfig emulated_loadconfig
#define _tile_loadd emulated_loadd
#define _tile_stored emulated_stored
#define _tile_zero emulated_zero
#define _tile_dpbf16ps emulated_dpbf16ps
#define _tile_release emulated_release
#define syscall emulated_syscall

#endif
