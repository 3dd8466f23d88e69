/*
 * The engine: prediction, gradients and updates of the pair-attention denoiser, and prediction of EGNNs (egnn.h). One source, two
 * builds: WebAssembly (prediction; the shipped default) and a native library (everything, with threads) loaded through Deno's FFI.
 * All sizes are floats or counts.
 */
#include "align.h"
#include "egnn.h"
#include "jobs.h"
#include "optimiser.h"
#include "product_kernels.h"
#include "refresh.h"
#if !defined(__wasm__)
#include "training.h"
#endif

EXPORT(molstep_create)
Engine *molstep_create(int width, int blocks, int vectors, int scalars, int pairs, int levels, int threads, int train) {
  if (width % 16 || blocks > BLOCKS_MAX || scalars > LANES || pairs > LANES - DISTANCES || levels < 0 ||
      levels > LANES || threads > THREADS_MAX)
    return 0;
  Engine *e = allocate(sizeof(Engine));
  if (!e) return 0;
  e->s = (Sizes){width, blocks, vectors, scalars, pairs, DISTANCES + pairs, EXPANSION * width, TIMES + levels};
  e->threads = threads, e->train = train;
  Net *net = &e->net;
  net->s = e->s, net->l = make_layout(&e->s), net->lt = make_transposed(&e->s);
  const long count = net->l.count;
  net->p = allocate(count * 4);
  float *padded = allocate(padded_count(&e->s) * 4);
  if (!net->p || !padded) return 0;
  net->padded = padded_at(&e->s, padded);
  net->kernel = choose_kernel();
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
  net->packed = net->p, net->packed_heads = net->padded; /* memory is dear: in place */
  if (!(e->worker[0].scratch = allocate(packing_scratch(&e->s) * 4))) return 0;
#else
  if (!(net->packed = allocate((count + padded_count(&e->s)) * 4))) return 0;
  net->packed_heads = padded_at(&e->s, net->packed + count);
#endif
  return e;
}

EXPORT(molstep_parameter_count) long molstep_parameter_count(const Engine *e) { return e->net.l.count; }

/* Arrays to read and write from outside, by their numbers in constants.h. */
EXPORT(molstep_array) float *molstep_array(Engine *e, int which) {
  switch (which) {
    case ARRAY_PARAMETERS: return e->net.p;
    case ARRAY_EMA: return e->ema;
    case ARRAY_FIRST: return e->momentum;
    case ARRAY_SECOND: return e->variance;
    default: return e->worker[0].gradient;
  }
}

EXPORT(molstep_allocate) void *molstep_allocate(long bytes) { return allocate(bytes); }

/* Derives what the passes need from the parameters; call after writing them. In WebAssembly it leaves the weights in panels: write all before each call. */
EXPORT(molstep_refresh) void molstep_refresh(Engine *e) { refresh_share(e, 0, 1); }

#if !defined(__wasm__)
EXPORT(molstep_free) void molstep_free(Engine *e) {
  free(e->net.p), free(e->net.packed), free(e->net.padded.scalars_w), free(e->net.t), free(e->ema), free(e->momentum),
      free(e->variance), free(e->padded_averages);
  for (int w = 0; w < e->threads; w++)
    free(e->worker[w].gradient), free(e->worker[w].padded), free(e->worker[w].scratch), free(e->worker[w].tile);
  free(e);
}
#endif
