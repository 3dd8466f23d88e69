/* Where each parameter lies in the flat array (the order of pair_attention/parameters.ts), and what is derived from it. */
#ifndef MOLSTEP_LAYOUT_H
#define MOLSTEP_LAYOUT_H
#include "constants.h"

enum { PAIR_OUT = PAIR + HEADS + SETS, SHAPES = 2 * SETS };

typedef struct {
  int f, blocks, vectors, scalars, pairs; /* width; blocks; V, K, P of the latent */
  int radial, hidden, times;              /* R = DISTANCES + P; 3 f; TIMES and the features of the number of steps */
  int lanes;                              /* K rounded up to a multiple of LANES: a row of the scalars' logits */
  int estimates;                          /* functions of a distance of the network's own estimate: DISTANCES or 0 */
} Sizes;

typedef struct {
  long qkv_w, qkv_b, edge_w, edge_b, radial_w, estimate_w, pair_w, pair_b, out_w, out_b, up_w, up_b, down_w, down_b,
      mix;
} BlockLayout;

typedef struct {
  long input_w, input_b, sets_in;
  BlockLayout block[BLOCKS_MAX];
  long scalars_w, scalars_b, bonds_node_w, bonds_node_b, bonds_pair_w, bonds_pair_b, bonds_estimate_w, bonds_out_w,
      bonds_out_b, sets_out, count;
} Layout;

static Layout make_layout(const Sizes *s) {
  Layout l;
  long at = 0;
#define PLACE(field, size) (l.field = at, at += (long)(size))
  const long f = s->f, R = s->radial;
  PLACE(input_w, (s->scalars + s->times) * f);
  PLACE(input_b, f);
  PLACE(sets_in, s->vectors * SETS);
  for (int b = 0; b < s->blocks; b++) {
    PLACE(block[b].qkv_w, 3 * f * f);
    PLACE(block[b].qkv_b, 3 * f);
    PLACE(block[b].edge_w, (f + SETS) * 2 * PAIR);
    PLACE(block[b].edge_b, 2 * PAIR);
    PLACE(block[b].radial_w, (R + SHAPES) * PAIR);
    PLACE(block[b].estimate_w, s->estimates * PAIR);
    PLACE(block[b].pair_w, PAIR * PAIR_OUT);
    PLACE(block[b].pair_b, PAIR_OUT);
    PLACE(block[b].out_w, (f + PAIR) * f);
    PLACE(block[b].out_b, f);
    PLACE(block[b].up_w, (f + SETS) * s->hidden);
    PLACE(block[b].up_b, s->hidden);
    PLACE(block[b].down_w, s->hidden * (f + SETS));
    PLACE(block[b].down_b, f + SETS);
    PLACE(block[b].mix, SETS * SETS);
  }
  PLACE(scalars_w, f * s->scalars);
  PLACE(scalars_b, s->scalars);
  PLACE(bonds_node_w, f * PAIR);
  PLACE(bonds_node_b, PAIR);
  PLACE(bonds_pair_w, (R + SETS) * PAIR);
  PLACE(bonds_pair_b, PAIR);
  PLACE(bonds_estimate_w, s->estimates * PAIR);
  PLACE(bonds_out_w, PAIR * s->pairs);
  PLACE(bonds_out_b, s->pairs);
  PLACE(sets_out, SETS * s->vectors);
#undef PLACE
  l.count = at;
  return l;
}

/* Heads whose width is no multiple of 16 lanes, padded with zero columns. */
typedef struct {
  float *scalars_w, *scalars_b, *bonds_out_w, *bonds_out_b;
} Padded;

/* Transposes for the backward pass, one weight after another. */
typedef struct {
  long qkv, edge, radial, estimate, pair, out, up, down, mix;
} BlockTransposed;
typedef struct {
  BlockTransposed block[BLOCKS_MAX];
  long scalars, bonds_node, bonds_pair, bonds_estimate, bonds_out, count;
} Transposed;

static Transposed make_transposed(const Sizes *s) {
  Transposed t;
  long at = 0;
#define PLACE(field, size) (t.field = at, at += (long)(size))
  const long f = s->f;
  for (int b = 0; b < s->blocks; b++) {
    PLACE(block[b].qkv, 3 * f * f);
    PLACE(block[b].edge, (f + SETS) * 2 * PAIR);
    PLACE(block[b].radial, SHAPES * PAIR);
    PLACE(block[b].estimate, s->estimates ? PAIR * LANES : 0);
    PLACE(block[b].pair, PAIR * PAIR_OUT);
    PLACE(block[b].out, (f + PAIR) * f);
    PLACE(block[b].up, (f + SETS) * s->hidden);
    PLACE(block[b].down, s->hidden * (f + SETS));
    PLACE(block[b].mix, SETS * SETS);
  }
  PLACE(scalars, f * s->lanes);
  PLACE(bonds_node, f * PAIR);
  PLACE(bonds_pair, SETS * PAIR);
  PLACE(bonds_estimate, s->estimates ? PAIR * LANES : 0);
  PLACE(bonds_out, PAIR * LANES);
#undef PLACE
  t.count = at;
  return t;
}

#endif
