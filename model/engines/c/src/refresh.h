/* What is derived from the parameters whenever they have changed: padded heads, weights as their kernel packs them, and transposes. */
#ifndef MOLSTEP_REFRESH_H
#define MOLSTEP_REFRESH_H
#include "engine.h"
#include "transpose.h"

/* Floats of scratch that packing in place and transposes need: the largest weight. */
static long packing_scratch(const Sizes *s) {
  const long wide = s->f + PAIR, input = s->scalars + s->times;
  return (input > wide ? input : wide) * (s->hidden > s->f ? s->hidden : s->f);
}

/* w [k, n] -> packed, which may be w: then by way of `scratch`. */
static void pack_weight(const ProductKernel *kernel, int k, int n, const float *w, float *packed, float *scratch) {
  if (w == packed) w = __builtin_memcpy(scratch, w, (long)k * n * sizeof(float));
  kernel->pack(k, n, w, packed);
}
#define PACK(rows, columns, offset) \
  pack_weight(net->kernel, rows, columns, net->p + (offset), net->packed + (offset), scratch)

/* The weights of a block that forward() multiplies by. */
static void pack_block(const Net *net, int b, float *scratch) {
  const BlockLayout *l = &net->l.block[b];
  const int f = net->s.f, R = net->s.radial, hidden = net->s.hidden;
  for (int part = 0; part < 3; part++) PACK(f, f, l->qkv_w + (long)part * f * f);
  PACK(f + SETS, 2 * PAIR, l->edge_w);
  PACK(R, PAIR, l->radial_w), PACK(SHAPES, PAIR, l->radial_w + (long)R * PAIR);
  if (net->s.estimates) PACK(DISTANCES, PAIR, l->estimate_w);
  PACK(PAIR, PAIR_OUT, l->pair_w);
  PACK(f + PAIR, f, l->out_w), PACK(f + SETS, hidden, l->up_w), PACK(hidden, f + SETS, l->down_w);
  PACK(SETS, SETS, l->mix);
}

/* Those of no block; heads after they were padded. */
static void pack_ends(const Net *net, float *scratch) {
  const int f = net->s.f, R = net->s.radial;
  PACK(net->s.scalars + net->s.times, f, net->l.input_w);
  PACK(f, PAIR, net->l.bonds_node_w);
  PACK(R, PAIR, net->l.bonds_pair_w), PACK(SETS, PAIR, net->l.bonds_pair_w + (long)R * PAIR);
  if (net->s.estimates) PACK(DISTANCES, PAIR, net->l.bonds_estimate_w);
  pack_weight(net->kernel, f, net->s.lanes, net->padded.scalars_w, net->packed_heads.scalars_w, scratch);
  pack_weight(net->kernel, PAIR, LANES, net->padded.bonds_out_w, net->packed_heads.bonds_out_w, scratch);
}
#undef PACK

static void pad_heads(const Net *net) {
  const Sizes *s = &net->s;
  const float *p = net->p;
  for (long r = 0; r < s->f; r++)
    for (int k = 0; k < s->lanes; k++)
      net->padded.scalars_w[r * s->lanes + k] = k < s->scalars ? p[net->l.scalars_w + r * s->scalars + k] : 0.f;
  for (long r = 0; r < PAIR; r++)
    for (int k = 0; k < LANES; k++)
      net->padded.bonds_out_w[r * LANES + k] = k < s->pairs ? p[net->l.bonds_out_w + r * s->pairs + k] : 0.f;
  for (int k = 0; k < s->lanes; k++) net->padded.scalars_b[k] = k < s->scalars ? p[net->l.scalars_b + k] : 0.f;
  for (int k = 0; k < LANES; k++) net->padded.bonds_out_b[k] = k < s->pairs ? p[net->l.bonds_out_b + k] : 0.f;
}

/* w [rows, columns] -> w^T as the kernel packs it, for products with what comes back. By way of `scratch`. */
static void pack_transposed(const Net *net, const float *w, int rows, int columns, long at, float *scratch) {
  transpose(w, rows, columns, scratch);
  net->kernel->pack(columns, rows, scratch, net->t + at);
}
#define TRANSPOSE(weight, rows, columns, at) pack_transposed(net, weight, rows, columns, at, scratch)

/* w [8, 32] -> [32, 16], of which the last eight columns are zeros: products have whole lanes. */
static void transpose_estimate(const Net *net, const float *w, long at, float *scratch) {
  for (int e = 0; e < PAIR; e++)
    for (int k = 0; k < LANES; k++) scratch[e * LANES + k] = k < DISTANCES ? w[k * PAIR + e] : 0.f;
  net->kernel->pack(PAIR, LANES, scratch, net->t + at);
}

static void transpose_ends(const Net *net, float *scratch) {
  const Sizes *s = &net->s;
  const float *p = net->p;
  TRANSPOSE(net->padded.scalars_w, s->f, s->lanes, net->lt.scalars);
  TRANSPOSE(p + net->l.bonds_node_w, s->f, PAIR, net->lt.bonds_node);
  TRANSPOSE(p + net->l.bonds_pair_w + (long)s->radial * PAIR, SETS, PAIR, net->lt.bonds_pair);
  if (s->estimates) transpose_estimate(net, p + net->l.bonds_estimate_w, net->lt.bonds_estimate, scratch);
  TRANSPOSE(net->padded.bonds_out_w, PAIR, LANES, net->lt.bonds_out);
}

static void transpose_block(const Net *net, int b, float *scratch) {
  const BlockLayout *l = &net->l.block[b];
  const BlockTransposed *lt = &net->lt.block[b];
  const Sizes *s = &net->s;
  const long f = s->f;
  const float *p = net->p;
  for (int part = 0; part < 3; part++) TRANSPOSE(p + l->qkv_w + part * f * f, f, f, lt->qkv + part * f * f);
  TRANSPOSE(p + l->edge_w, f + SETS, 2 * PAIR, lt->edge);
  TRANSPOSE(p + l->radial_w + (long)s->radial * PAIR, SHAPES, PAIR, lt->radial);
  if (s->estimates) transpose_estimate(net, p + l->estimate_w, lt->estimate, scratch);
  TRANSPOSE(p + l->pair_w, PAIR, PAIR_OUT, lt->pair);
  TRANSPOSE(p + l->out_w, f + PAIR, f, lt->out);
  TRANSPOSE(p + l->up_w, f + SETS, s->hidden, lt->up);
  TRANSPOSE(p + l->down_w, s->hidden, f + SETS, lt->down);
  TRANSPOSE(p + l->mix, SETS, SETS, lt->mix);
}
#undef TRANSPOSE

/*
 * Worker `index` of `threads` does its share of the blocks; the first also what belongs to no block. `scratch` is for transposes and for packing in place.
 */
static void derive_share(const Net *net, int transposes, int index, int threads, float *scratch) {
  if (index == 0) {
    pad_heads(net);
    if (transposes) transpose_ends(net, scratch);
    pack_ends(net, scratch);
  }
  for (int b = index; b < net->s.blocks; b += threads) {
    if (transposes) transpose_block(net, b, scratch);
    pack_block(net, b, scratch);
  }
}
static void refresh_share(Engine *e, int index, int threads) {
  derive_share(&e->net, e->train, index, threads, e->worker[index].scratch);
}

#endif
