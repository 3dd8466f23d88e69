/*
 * The engine: prediction, gradients and updates of the pair-attention denoiser, and prediction of EGNNs (egnn.h). One source, two
 * builds: WebAssembly (prediction; the shipped default) and a native library (everything, with threads) loaded through Deno's FFI.
 * All sizes are floats or counts.
 */
#include "tile.h"
#include "optimiser.h"

#if defined(__wasm__)
#define EXPORT(name) __attribute__((export_name(#name)))
extern unsigned char __heap_base;
static unsigned long heap;
static void *allocate(long bytes) {
  if (!heap) heap = ((unsigned long)&__heap_base + 63) & ~63ul;
  unsigned long at = heap, end = (at + bytes + 63) & ~63ul, have = __builtin_wasm_memory_size(0) * 65536ul;
  if (end > have && __builtin_wasm_memory_grow(0, (end - have + 65535) / 65536) == (unsigned long)-1) return 0;
  heap = end;
  return (void *)at;
}
#else
#define EXPORT(name) __attribute__((visibility("default")))
#include <pthread.h>
#include <stdlib.h>
static void *allocate(long bytes) {
  void *at = 0;
  if (posix_memalign(&at, 64, bytes + 64)) return 0;
  __builtin_memset(at, 0, bytes);
  return at;
}
#endif

enum { THREADS_MAX = 64 };

typedef struct {
  float *gradient, *padded, *scratch, *tile;
  long tile_floats;
  Gradient d;
} Worker;

typedef struct {
  Net net;
  Sizes s;
  int threads, train;
  float *ema, *momentum, *variance; /* Muon's momentum or Adam's m; Adam's v */
  float *padded_averages;           /* heads of the EMA, padded */
  float norm;                       /* of the last gradient */
  Worker worker[THREADS_MAX];
} Engine;

static long padded_count(const Sizes *s) { return (long)s->f * s->lanes + s->lanes + PAIR * LANES + LANES; }
static Padded padded_at(const Sizes *s, float *at) {
  float *bias = at + (long)s->f * s->lanes, *bonds = bias + s->lanes;
  return (Padded){at, bias, bonds, bonds + PAIR * LANES};
}

EXPORT(molstep_create) Engine *molstep_create(int width, int blocks, int vectors, int scalars, int pairs, int levels, int threads,
                                               int train) {
  if (width % 16 || blocks > BLOCKS_MAX || scalars > SCALARS_MAX || pairs > LANES - DISTANCES || levels < 0 || levels > LANES || threads > THREADS_MAX) return 0;
  Engine *e = allocate(sizeof(Engine));
  if (!e) return 0;
  e->s = (Sizes){width, blocks, vectors, scalars, pairs, DISTANCES + pairs, EXPANSION * width, TIMES + levels,
                  (scalars + LANES - 1) / LANES * LANES};
  e->threads = threads, e->train = train;
  Net *net = &e->net;
  net->s = e->s, net->l = make_layout(&e->s), net->lt = make_transposed(&e->s);
  const long count = net->l.count;
  net->p = allocate(count * 4);
  float *padded = allocate(padded_count(&e->s) * 4);
  if (!net->p || !padded) return 0;
  net->padded = padded_at(&e->s, padded);
  if (train) {
    net->t = allocate(net->lt.count * 4);
    e->ema = allocate(count * 4), e->momentum = allocate(count * 4), e->variance = allocate(count * 4);
    e->padded_averages = allocate(padded_count(&e->s) * 4);
    if (!net->t || !e->ema || !e->momentum || !e->variance || !e->padded_averages) return 0;
    Matrix list[BLOCKS_MAX * 9];
    long scratch = 0;
    for (int k = 0, all = muon_matrices(&e->s, &net->l, list); k < all; k++) {
      long need = muon_scratch(&list[k]);
      scratch = need > scratch ? need : scratch;
    }
    for (int w = 0; w < threads; w++) {
      e->worker[w].gradient = allocate(count * 4), e->worker[w].padded = allocate(padded_count(&e->s) * 4);
      e->worker[w].scratch = allocate(scratch * 4);
      if (!e->worker[w].gradient || !e->worker[w].padded || !e->worker[w].scratch) return 0;
    }
  }
#if defined(__wasm__)
  if (!(e->worker[0].scratch = allocate(packing_scratch(&e->s) * 4))) return 0;
#endif
  return e;
}

EXPORT(molstep_parameter_count) long molstep_parameter_count(const Engine *e) { return e->net.l.count; }

/* Arrays to read and write from outside: 0 parameters, 1 EMA, 2 first moments, 3 second moments, 4 gradient. */
EXPORT(molstep_array) float *molstep_array(Engine *e, int which) {
  return which == 0 ? e->net.p : which == 1 ? e->ema : which == 2 ? e->momentum : which == 3 ? e->variance : e->worker[0].gradient;
}

EXPORT(molstep_allocate) void *molstep_allocate(long bytes) { return allocate(bytes); }

/* Fills the padded heads from the parameters. */
static void pad_heads(Net *net) {
  const Sizes *s = &net->s;
  const float *p = net->p;
  for (long r = 0; r < s->f; r++)
    for (int k = 0; k < s->lanes; k++) net->padded.scalars_w[r * s->lanes + k] = k < s->scalars ? p[net->l.scalars_w + r * s->scalars + k] : 0.f;
  for (long r = 0; r < PAIR; r++)
    for (int k = 0; k < LANES; k++) net->padded.bonds_out_w[r * LANES + k] = k < s->pairs ? p[net->l.bonds_out_w + r * s->pairs + k] : 0.f;
  for (int k = 0; k < s->lanes; k++) net->padded.scalars_b[k] = k < s->scalars ? p[net->l.scalars_b + k] : 0.f;
  for (int k = 0; k < LANES; k++) net->padded.bonds_out_b[k] = k < s->pairs ? p[net->l.bonds_out_b + k] : 0.f;
}

/* Worker `index` of `threads` derives its blocks' transposes; the first also what belongs to no block. */
static void refresh_share(Engine *e, int index, int threads) {
  Net *net = &e->net;
  const Sizes *s = &e->s;
  const long f = s->f;
  const float *p = net->p;
  float *t = net->t;
  if (index == 0) {
    pad_heads(net);
    if (!e->train) return;
    transpose(net->padded.scalars_w, f, s->lanes, t + net->lt.scalars);
    transpose(p + net->l.bonds_node_w, f, PAIR, t + net->lt.bonds_node);
    transpose(p + net->l.bonds_pair_w + (long)s->radial * PAIR, SETS, PAIR, t + net->lt.bonds_pair);
    transpose(net->padded.bonds_out_w, PAIR, LANES, t + net->lt.bonds_out);
  }
  if (!e->train) return;
  for (int b = index; b < s->blocks; b += threads) {
    const BlockLayout *l = &net->l.block[b];
    const BlockTransposed *lt = &net->lt.block[b];
    for (int part = 0; part < 3; part++) transpose(p + l->qkv_w + part * f * f, f, f, t + lt->qkv + part * f * f);
    transpose(p + l->edge_w, f + SETS, 2 * PAIR, t + lt->edge);
    transpose(p + l->radial_w + (long)s->radial * PAIR, SHAPES, PAIR, t + lt->radial);
    transpose(p + l->pair_w, PAIR, PAIR_OUT, t + lt->pair);
    transpose(p + l->out_w, f + PAIR, f, t + lt->out);
    transpose(p + l->up_w, f + SETS, s->hidden, t + lt->up);
    transpose(p + l->down_w, s->hidden, f + SETS, t + lt->down);
    transpose(p + l->mix, SETS, SETS, t + lt->mix);
  }
}

/* Derives what the passes need from the parameters; call after writing them. In WebAssembly it leaves the weights in panels: write all before each call. */
EXPORT(molstep_refresh) void molstep_refresh(Engine *e) {
  refresh_share(e, 0, 1);
#if defined(__wasm__)
  pack_weights(&e->net, e->worker[0].scratch);
#endif
}

#if !defined(__wasm__)
EXPORT(molstep_free) void molstep_free(Engine *e) {
  free(e->net.p), free(e->net.padded.scalars_w), free(e->net.t), free(e->ema), free(e->momentum), free(e->variance), free(e->padded_averages);
  for (int w = 0; w < e->threads; w++) free(e->worker[w].gradient), free(e->worker[w].padded), free(e->worker[w].scratch), free(e->worker[w].tile);
  free(e);
}
#endif

#include "jobs.h"
#if !defined(__wasm__)
#include "training.h"
#endif
#include "egnn.h"
#include "align.h"
