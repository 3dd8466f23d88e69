/* Memory of tiles: how many molecules stand in one, and where its arrays lie in an arena. */
#ifndef MOLSTEP_TILE_H
#define MOLSTEP_TILE_H
#include "constants.h"
#include "outputs.h"

/* Molecules of n nodes in a tile. */
static int tile_molecules(int n) {
  int by_rows = TILE_ROWS / n, by_pairs = TILE_PAIRS / (n * n), m = by_rows < by_pairs ? by_rows : by_pairs;
  return m < 1 ? 1 : m;
}

typedef struct {
  float *base;
  long used;
} Arena;

static float *take(Arena *a, long floats) {
  float *at = a->base ? a->base + a->used : 0;
  a->used += (floats + 15) / 16 * 16;
  return at;
}

/* Lays a tile out in the arena. With base 0 this only counts. `train` gives each block its own Saved. */
static void layout_tile(const Sizes *s, Arena *a, Tile *t, int molecules, int n, int train) {
  const long f = s->f, rows = molecules * n, pairs = rows * n, hidden = s->hidden, wide = f + SETS;
  t->molecules = molecules, t->n = n, t->rows = rows, t->pairs = pairs;
  t->h = take(a, rows * f), t->x = take(a, rows * 48), t->radial = take(a, pairs * LANES);
  t->fork_h = train ? 0 : take(a, rows * f), t->fork_x = train ? 0 : take(a, rows * 48);
  t->hid = take(a, pairs * PAIR), t->ab = take(a, rows * 2 * PAIR), t->wide = take(a, rows * (f + PAIR));
  const long input = s->scalars + s->times > 48 ? s->scalars + s->times : 48;
  t->act = take(a, rows * (hidden > input ? hidden : input));
  t->shapes_end = take(a, pairs * SETS), t->hl = take(a, rows * f), t->rstd_end = take(a, rows),
  t->xn_end = take(a, rows * 48);
  t->scale_end = take(a, molecules * 16), t->q_end = take(a, rows * 16), t->node_end = take(a, rows * PAIR),
  t->pre_end = take(a, pairs * PAIR);
  const long estimate = s->estimates ? rows * 4 : 0, estimated = pairs * s->estimates;
  t->estimate_end = take(a, estimate), t->estimated_end = take(a, estimated);
  t->logits = take(a, rows * s->lanes), t->bond_logits = take(a, pairs * LANES), t->o = take(a, rows * s->vectors * 3);
  for (int b = 0; b < s->blocks; b++) {
    if (b > 0 && !train) {
      t->saved[b] = t->saved[0];
      continue;
    }
    t->saved[b] = (Saved){.hn = take(a, rows * wide),
                          .rstd1 = take(a, rows),
                          .xn = take(a, rows * 48),
                          .scale = take(a, molecules * 16),
                          .q = take(a, rows * 16),
                          .shapes = take(a, pairs * SHAPES),
                          .estimate = take(a, estimate),
                          .estimated = take(a, estimated),
                          .pre = take(a, pairs * PAIR),
                          .m = take(a, pairs * PAIR_OUT),
                          .qkv = take(a, 3 * rows * f),
                          .mixed = take(a, rows * (f + PAIR)),
                          .hn2 = take(a, rows * wide),
                          .rstd2 = take(a, rows),
                          .up = take(a, rows * hidden),
                          .g = take(a, rows * 16),
                          .u = take(a, rows * 48)};
  }
}

static void layout_gradient(const Sizes *s, Arena *a, Gradient *d, int molecules, int n) {
  const long f = s->f, rows = molecules * n, pairs = rows * n, wide = f + SETS;
  d->dh = take(a, rows * f), d->dx = take(a, rows * 48), d->dxn = take(a, rows * 48), d->dq = take(a, rows * 16);
  d->dpair = take(a, pairs * PAIR_OUT), d->dhid = take(a, pairs * PAIR), d->dshapes = take(a, pairs * SHAPES);
  d->dqkv = take(a, 3 * rows * f), d->dhn = take(a, rows * wide), d->dmixed = take(a, rows * (f + PAIR));
  d->dup = take(a, rows * (s->hidden > s->lanes ? s->hidden : s->lanes)), d->dy = take(a, rows * wide),
  d->dab = take(a, rows * 2 * PAIR), d->dradial = take(a, pairs * LANES);
  d->destimate = take(a, s->estimates ? rows * 4 : 0), d->destimated = take(a, s->estimates ? pairs * LANES : 0);
}

#endif
