/* Parameters of an EGNN as the passes read them, each piece on its own cache line, and how they come from storage order. */
#ifndef MOLSTEP_EGNN_LAYOUT_H
#define MOLSTEP_EGNN_LAYOUT_H
#include "constants.h"
#include "product.h"
#include "tile.h"

/* The length of a row: longer than the widest by a cache line, so that rows do not fall into the same sets. */
enum { EGNN_STRIDE = EGNN_WIDTH_MAX + 16 };

typedef struct {
  int inputs, outputs, width, blocks, layers, attention, tanh;
  float norm, factor, range; /* factor 0: the mean, over all nodes */
} EgnnSizes;

/* silu(W2 silu(A h_i + b + B h_j + d c + d0 e) + b2) */
typedef struct {
  float *source, *target, *distances, *bias, *hidden, *hidden_bias;
} EgnnEdge;

typedef struct {
  EgnnEdge edge;
  float *attention, *attention_bias; /* [f]; [1] */
  float *node_h, *node_m, *node_bias, *update, *update_bias;
} EgnnMessage;

typedef struct {
  EgnnMessage message[EGNN_LAYERS_MAX];
  EgnnEdge edge; /* of the coordinates */
  float *out;    /* [f] */
} EgnnBlock;

typedef struct {
  EgnnSizes s;
  const ProductKernel *kernel;
  float *in_w, *in_b, *out_w, *out_b;
  EgnnBlock block[EGNN_BLOCKS_MAX];
} EgnnNet;

/* Goes over storage order and the packed memory at once. Takes what lies wholly in [from, to) of storage order, which is `raw`; with none it only counts. */
typedef struct {
  const float *raw;
  long from, to, read;
  Arena packed;
} EgnnCursor;

/* Where the next piece's values stand, or 0 where they are not given. */
static const float *given(const EgnnCursor *c, long floats) {
  return c->raw && c->read >= c->from && c->read + floats <= c->to ? c->raw + (c->read - c->from) : 0;
}

static float *as_it_is(EgnnCursor *c, long floats) {
  float *at = take(&c->packed, floats);
  const float *values = given(c, floats);
  if (values) __builtin_memcpy(at, values, floats * 4);
  c->read += floats;
  return at;
}

/* A weight [k, n], packed. */
static float *packed(EgnnCursor *c, const ProductKernel *kernel, int k, int n) {
  float *at = take(&c->packed, (long)k * n);
  const float *values = given(c, (long)k * n);
  if (values) kernel->pack(k, n, values, at);
  c->read += (long)k * n;
  return at;
}

static EgnnEdge place_edge(EgnnCursor *c, const ProductKernel *kernel, int f) {
  EgnnEdge e;
  e.source = packed(c, kernel, f, f), e.target = packed(c, kernel, f, f), e.distances = as_it_is(c, 2 * f),
  e.bias = as_it_is(c, f);
  e.hidden = packed(c, kernel, f, f), e.hidden_bias = as_it_is(c, f);
  return e;
}

/* The order is that of `egnn_parameters.ts`. */
static void place_egnn(EgnnCursor *c, EgnnNet *net) {
  const EgnnSizes *s = &net->s;
  const ProductKernel *kernel = net->kernel;
  const int f = s->width;
  net->in_w = as_it_is(c, (long)s->inputs * f), net->in_b = as_it_is(c, f);
  for (int b = 0; b < s->blocks; b++) {
    EgnnBlock *block = &net->block[b];
    for (int l = 0; l < s->layers; l++) {
      EgnnMessage *m = &block->message[l];
      m->edge = place_edge(c, kernel, f);
      if (s->attention) m->attention = as_it_is(c, f), m->attention_bias = as_it_is(c, 1);
      m->node_h = packed(c, kernel, f, f), m->node_m = packed(c, kernel, f, f), m->node_bias = as_it_is(c, f);
      m->update = packed(c, kernel, f, f), m->update_bias = as_it_is(c, f);
    }
    block->edge = place_edge(c, kernel, f);
    block->out = as_it_is(c, f);
  }
  net->out_w = as_it_is(c, (long)f * s->outputs), net->out_b = as_it_is(c, s->outputs);
}

#endif
