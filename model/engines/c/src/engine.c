/*
 * The engine: prediction, gradients and updates of the pair-attention denoiser, and prediction of EGNNs (egnn.h). One source, two
 * builds: WebAssembly (prediction; the shipped default) and a native library (everything, with threads) loaded through Deno's FFI.
 * All sizes are floats or counts.
 */
#include "align.h"
#include "egnn.h"
#include "jobs.h"
#include "mmff_batch.h"
#include "optimiser.h"
#include "product_kernels.h"
#include "refresh.h"
#if !defined(__wasm__)
#include "training.h"
#endif

/* Memory of a network's parameters and of what is derived from them. 1, or 0 where it ran out. */
static int open_network(Net *net, const Sizes *s, const ProductKernel *kernel) {
  net->s = *s, net->l = make_layout(s), net->lt = make_transposed(s), net->kernel = kernel;
  const long count = net->l.count, heads = padded_count(s);
  net->p = allocate(count * 4);
  float *padded = allocate(heads * 4);
  if (!net->p || !padded) return 0;
  net->padded = padded_at(s, padded);
#if defined(__wasm__)
  net->packed = net->p, net->packed_heads = net->padded; /* memory is dear: in place */
#else
  if (!(net->packed = allocate((count + heads) * 4))) return 0;
  net->packed_heads = padded_at(s, net->packed + count);
#endif
  return 1;
}

/* Of kernel `index`, single precision first: its name, 0 where there is none; and whether it is of use here, as ProductKernel says. */
EXPORT(molstep_kernel_name) const char *molstep_kernel_name(int index) {
  const ProductKernel *kernel = kernel_at(index);
  return kernel ? kernel->name : 0;
}
EXPORT(molstep_kernel_use) int molstep_kernel_use(int index) {
  const ProductKernel *kernel = kernel_at(index);
  return kernel ? kernel->use() : 0;
}

EXPORT(molstep_create)
Engine *molstep_create(int width, int blocks, int vectors, int scalars, int pairs, int levels, int estimates,
                       int threads, int train, int kernel) {
  const ProductKernel *product = kernel_at(kernel);
  if (!product || !product->use()) return 0;
  if (width % 16 || blocks > BLOCKS_MAX || scalars > SCALARS_MAX || pairs > LANES - DISTANCES || levels < 0 ||
      levels > LANES || threads > THREADS_MAX)
    return 0;
  Engine *e = allocate(sizeof(Engine));
  if (!e) return 0;
  const int lanes = (scalars + LANES - 1) / LANES * LANES, times = TIMES + levels;
  e->s = (Sizes){width,
                 blocks,
                 vectors,
                 scalars,
                 pairs,
                 DISTANCES + pairs,
                 EXPANSION * width,
                 times,
                 lanes,
                 estimates ? DISTANCES : 0};
  e->threads = threads, e->train = train;
  Net *net = &e->net;
  if (!open_network(net, &e->s, product)) return 0;
  const long count = net->l.count;
  if (train) {
    if (!open_network(&e->averages, &e->s, product)) return 0;
    net->t = allocate(net->lt.count * 4);
    e->ema = e->averages.p, e->momentum = allocate(count * 4), e->variance = allocate(count * 4);
    if (!net->t || !e->momentum || !e->variance) return 0;
    Matrix list[MATRICES_MAX];
    long scratch = packing_scratch(&e->s);
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

/*
 * Derives what the passes need from the parameters and the averages; call after writing them. In WebAssembly it packs the weights in place:
 * write all before each call.
 */
EXPORT(molstep_refresh) void molstep_refresh(Engine *e) {
  refresh_share(e, 0, 1);
  e->averages_derived = 0;
}

#if !defined(__wasm__)
static void close_network(Net *net) { free(net->p), free(net->packed), free(net->padded.scalars_w); }

EXPORT(molstep_free) void molstep_free(Engine *e) {
  close_network(&e->net), close_network(&e->averages);
  free(e->net.t), free(e->momentum), free(e->variance);
  for (int w = 0; w < e->threads; w++)
    free(e->worker[w].gradient), free(e->worker[w].padded), free(e->worker[w].scratch), free(e->worker[w].tile);
  free(e);
}
#endif
