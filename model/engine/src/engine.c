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
  float norm;                       /* of the last gradient */
  Worker worker[THREADS_MAX];
} Engine;

static long padded_count(const Sizes *s) { return (long)s->f * LANES + LANES + PAIR * LANES + LANES; }
static Padded padded_at(const Sizes *s, float *at) {
  return (Padded){at, at + (long)s->f * LANES, at + (long)s->f * LANES + LANES, at + (long)s->f * LANES + LANES + PAIR * LANES};
}

EXPORT(molstep_create) Engine *molstep_create(int width, int blocks, int vectors, int scalars, int pairs, int levels, int threads,
                                               int train) {
  if (width % 16 || blocks > BLOCKS_MAX || scalars > LANES || pairs > LANES - DISTANCES || levels < 0 || levels > LANES || threads > THREADS_MAX) return 0;
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
  if (train) {
    net->t = allocate(net->lt.count * 4);
    e->ema = allocate(count * 4), e->momentum = allocate(count * 4), e->variance = allocate(count * 4);
    if (!net->t || !e->ema || !e->momentum || !e->variance) return 0;
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

/* Worker `index` of `threads` derives its blocks' transposes; the first also what belongs to no block. */
static void refresh_share(Engine *e, int index, int threads) {
  Net *net = &e->net;
  const Sizes *s = &e->s;
  const long f = s->f;
  const float *p = net->p;
  float *t = net->t;
  if (index == 0) {
    for (long r = 0; r < f; r++)
      for (int k = 0; k < LANES; k++) net->padded.scalars_w[r * LANES + k] = k < s->scalars ? p[net->l.scalars_w + r * s->scalars + k] : 0.f;
    for (long r = 0; r < PAIR; r++)
      for (int k = 0; k < LANES; k++) net->padded.bonds_out_w[r * LANES + k] = k < s->pairs ? p[net->l.bonds_out_w + r * s->pairs + k] : 0.f;
    for (int k = 0; k < LANES; k++) {
      net->padded.scalars_b[k] = k < s->scalars ? p[net->l.scalars_b + k] : 0.f;
      net->padded.bonds_out_b[k] = k < s->pairs ? p[net->l.bonds_out_b + k] : 0.f;
    }
    if (!e->train) return;
    transpose(net->padded.scalars_w, f, LANES, t + net->lt.scalars);
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

/* A worker's memory for a tile, grown where it is too small. 0 where there is none. */
static int prepare_tile(Engine *e, Worker *w, Tile *t, int molecules, int n, int train) {
  Arena count = {0, 0};
  layout_tile(&e->s, &count, t, molecules, n, train);
  if (train) layout_gradient(&e->s, &count, &w->d, molecules, n);
  if (count.used > w->tile_floats) {
#if !defined(__wasm__)
    free(w->tile);
#endif
    w->tile = allocate(count.used * 4), w->tile_floats = w->tile ? count.used : 0;
    if (!w->tile) return 0;
  }
  Arena arena = {w->tile, 0};
  layout_tile(&e->s, &arena, t, molecules, n, train);
  if (train) layout_gradient(&e->s, &arena, &w->d, molecules, n);
  return 1;
}

/* Groups of one size each, one after another in the flat arrays. */
typedef struct {
  Engine *e;
  int index, groups, train, ok;
  int share, *next; /* prediction: how many workers divide the job, and the next tile that none of them has taken */
  const int *nodes, *batches;
  const float *z, *target, *times, *alpha, *sigma, *weights;
  float *out, scale;
} Job;

/*
 * Tiles are numbered through all groups. A gradient's tile k goes to worker k % threads, so that sums never depend on timing; an
 * estimate depends on its own molecule alone, so prediction's go to whoever comes first.
 */
static long first_tile(const Job *job) { return job->train ? job->index : __atomic_fetch_add(job->next, 1, __ATOMIC_RELAXED); }
static long next_tile(const Job *job, long last) { return job->train ? last + job->e->threads : first_tile(job); }

/* Molecules of a tile of n nodes: as many as go into one; in prediction no more than give every worker an equal part of the job. */
static int job_tile(const Job *job, int n, long molecules) {
  const int most = tile_molecules(n);
  if (job->train) return most;
  const long turns = (molecules + (long)most * job->share - 1) / ((long)most * job->share);
  return turns < 1 ? 1 : (int)((molecules + turns * job->share - 1) / (turns * job->share));
}

/* One worker's tiles. */
static void *work(void *argument) {
  Job *job = argument;
  Engine *e = job->e;
  Worker *w = &e->worker[job->index];
  const Sizes *s = &e->s;
  long at = 0, first = 0, index = 0, all = 0, mine = first_tile(job);
  job->ok = 1;
  for (int group = 0; group < job->groups; group++) all += job->batches[group];
  if (job->train) {
    __builtin_memset(w->gradient, 0, e->net.l.count * 4);
    __builtin_memset(w->padded, 0, padded_count(s) * 4);
    Padded g = padded_at(s, w->padded);
    w->d.scalars_w = g.scalars_w, w->d.scalars_b = g.scalars_b, w->d.bonds_out_w = g.bonds_out_w, w->d.bonds_out_b = g.bonds_out_b;
    w->d.loss[0] = w->d.loss[1] = w->d.loss[2] = 0;
  }
  for (int group = 0; group < job->groups; group++) {
    const int n = job->nodes[group], batch = job->batches[group], size = job_tile(job, n, all);
    const long length = (long)n * (3 * s->vectors + s->scalars) + (long)n * n * s->pairs;
    for (int m = 0; m < batch; m += size, index++) {
      if (index != mine) continue;
      mine = next_tile(job, mine);
      const int molecules = batch - m < size ? batch - m : size;
      const float *z = job->z + at + m * length;
      const long k = first + m;
      Tile tile;
      if (!prepare_tile(e, w, &tile, molecules, n, job->train)) {
        job->ok = 0;
        return 0;
      }
      forward(&e->net, &tile, z, job->times + k * s->times);
#if !defined(__wasm__)
      if (job->train)
        loss_backward(&e->net, &tile, z, job->target + at + m * length, job->times + k * s->times, job->alpha + k, job->sigma + k, job->weights + k * 3,
                      job->scale, &w->d, w->gradient);
      else
#endif
        predict_x0(&e->net, &tile, z, job->alpha + k, job->sigma + k, job->out + at + m * length);
    }
    at += batch * length, first += batch;
  }
  if (job->train) { /* the padded heads' gradients into their places */
    for (int r = 0; r < s->f; r++)
      for (int k = 0; k < s->scalars; k++) w->gradient[e->net.l.scalars_w + r * s->scalars + k] = w->d.scalars_w[r * LANES + k];
    for (int r = 0; r < PAIR; r++)
      for (int k = 0; k < s->pairs; k++) w->gradient[e->net.l.bonds_out_w + r * s->pairs + k] = w->d.bonds_out_w[r * LANES + k];
    for (int k = 0; k < s->scalars; k++) w->gradient[e->net.l.scalars_b + k] = w->d.scalars_b[k];
    for (int k = 0; k < s->pairs; k++) w->gradient[e->net.l.bonds_out_b + k] = w->d.bonds_out_b[k];
  }
  return 0;
}

typedef void *(*Start)(void *);
static void run_all(int threads, Start start, void **arguments) {
#if defined(__wasm__)
  for (int w = 0; w < threads; w++) start(arguments[w]);
#else
  pthread_t id[THREADS_MAX];
  int made[THREADS_MAX] = {0};
  for (int w = 1; w < threads; w++) made[w] = !pthread_create(&id[w], 0, start, arguments[w]);
  start(arguments[0]);
  for (int w = 1; w < threads; w++) {
    if (made[w]) pthread_join(id[w], 0);
    else start(arguments[w]);
  }
#endif
}

static int run_jobs(const Job *common) {
  Job jobs[THREADS_MAX];
  void *arguments[THREADS_MAX] = {0};
  int ok = 1, next = 0;
  for (int w = 0; w < common->e->threads; w++)
    jobs[w] = *common, jobs[w].index = w, jobs[w].share = common->e->threads, jobs[w].next = &next, arguments[w] = &jobs[w];
  run_all(common->e->threads, work, arguments);
  for (int w = 0; w < common->e->threads; w++) ok &= jobs[w].ok;
  return ok;
}

/*
 * x0 estimates of groups of molecules of one size each, one after another: z, out [molecules, length]; times [molecules, 16 + levels];
 * alpha, sigma [molecules]. 1, or 0 where memory ran out.
 */
EXPORT(molstep_predict_groups) int molstep_predict_groups(Engine *e, int groups, const int *nodes, const int *batches, const float *z, const float *times,
                                                          const float *alpha, const float *sigma, float *out) {
  Job job = {.e = e, .groups = groups, .nodes = nodes, .batches = batches, .z = z, .times = times, .alpha = alpha, .sigma = sigma, .out = out};
  return run_jobs(&job);
}

/*
 * The same, all on the calling thread with the memory of worker `worker` (below the engine's number of threads; 0 where it is not): several
 * threads may call at once, each as another worker.
 */
EXPORT(molstep_predict_groups_on) int molstep_predict_groups_on(Engine *e, int worker, int groups, const int *nodes, const int *batches, const float *z,
                                                                const float *times, const float *alpha, const float *sigma, float *out) {
  if (worker < 0 || worker >= e->threads) return 0;
  int next = 0;
  Job job = {.e = e, .index = worker, .share = 1, .next = &next, .groups = groups, .nodes = nodes, .batches = batches, .z = z, .times = times,
             .alpha = alpha, .sigma = sigma, .out = out};
  work(&job);
  return job.ok;
}

/* Of one group. */
EXPORT(molstep_predict) int molstep_predict(Engine *e, int nodes, int batch, const float *z, const float *times, const float *alpha, const float *sigma, float *out) {
  return molstep_predict_groups(e, 1, &nodes, &batch, z, times, alpha, sigma, out);
}
EXPORT(molstep_predict_on) int molstep_predict_on(Engine *e, int worker, int nodes, int batch, const float *z, const float *times, const float *alpha,
                                                  const float *sigma, float *out) {
  return molstep_predict_groups_on(e, worker, 1, &nodes, &batch, z, times, alpha, sigma, out);
}

#if !defined(__wasm__)
/* What the threads of an update share. Every thread takes a fixed share, so that sums never depend on timing. */
typedef struct {
  Engine *e;
  int index, all;
  const Matrix *list;
  float gain, muon, adam, correct1, correct2, keep;
  double square;
} Update;

/* This thread's share [from, to) of `all` floats. */
static void share_of(long all, int threads, int index, long *from, long *to) {
  const long each = (all / threads + 15) / 16 * 16;
  *from = each * index < all ? each * index : all;
  *to = index == threads - 1 || each * (index + 1) > all ? all : each * (index + 1);
}

/* Adds the workers' gradients into the first's, and its squares. */
static void *sum_share(void *argument) {
  Update *u = argument;
  Engine *e = u->e;
  long from, to;
  share_of(e->net.l.count, e->threads, u->index, &from, &to);
  float *restrict into = e->worker[0].gradient;
  for (int w = 1; w < e->threads; w++) {
    const float *restrict part = e->worker[w].gradient;
    for (long k = from; k < to; k++) into[k] += part[k];
  }
  double square = 0;
  for (long k = from; k < to; k++) square += (double)into[k] * into[k];
  u->square = square;
  return 0;
}

static void *update_share(void *argument) {
  const Update *u = argument;
  Engine *e = u->e;
  float *p = e->net.p;
  const float *g = e->worker[0].gradient;
  for (int k = u->index; k < u->all; k += e->threads)
    muon_update(&u->list[k], p, g, e->momentum, u->gain, u->muon, e->worker[u->index].scratch);
  if (u->index == 0) { /* Adam on what lies between Muon's matrices, which are in storage order: little */
    long at = 0;
    for (int k = 0; k <= u->all; k++) {
      const long to = k < u->all ? u->list[k].at : e->net.l.count;
      adam_update(p, g, e->momentum, e->variance, at, to, u->gain, u->adam, u->correct1, u->correct2);
      at = k < u->all ? to + (long)u->list[k].rows * u->list[k].columns : to;
    }
  }
  return 0;
}

static void *average_share(void *argument) {
  const Update *u = argument;
  Engine *e = u->e;
  long from, to;
  share_of(e->net.l.count, e->threads, u->index, &from, &to);
  float *restrict ema = e->ema;
  const float *restrict p = e->net.p;
  for (long k = from; k < to; k++) ema[k] += (1.f - u->keep) * (p[k] - ema[k]);
  refresh_share(e, u->index, e->threads);
  return 0;
}

static void run_updates(Engine *e, Update *updates, Start share) {
  void *arguments[THREADS_MAX] = {0};
  for (int w = 0; w < e->threads; w++) arguments[w] = &updates[w];
  run_all(e->threads, share, arguments);
}

/* Losses [3] (mean over molecules) and the gradient of their sum, in array 4. */
EXPORT(molstep_gradient) int molstep_gradient(Engine *e, int groups, const int *nodes, const int *batches, const float *z, const float *target,
                                             const float *times, const float *alpha, const float *sigma, const float *weights, float *losses) {
  long molecules = 0;
  for (int k = 0; k < groups; k++) molecules += batches[k];
  Job job = {.e = e, .train = 1, .groups = groups, .nodes = nodes, .batches = batches, .z = z, .target = target, .times = times, .alpha = alpha,
             .sigma = sigma, .weights = weights, .scale = 1.f / molecules};
  if (!run_jobs(&job)) return 0;
  double sum[3] = {0};
  for (int w = 0; w < e->threads; w++)
    for (int k = 0; k < 3; k++) sum[k] += e->worker[w].d.loss[k];
  for (int k = 0; k < 3; k++) losses[k] = (float)(sum[k] / molecules);
  Update updates[THREADS_MAX];
  double square = 0;
  for (int w = 0; w < e->threads; w++) updates[w] = (Update){.e = e, .index = w};
  run_updates(e, updates, sum_share);
  for (int w = 0; w < e->threads; w++) square += updates[w].square;
  e->norm = (float)__builtin_sqrt(square);
  return 1;
}

/*
 * One update from the gradient in array 4, clipped to norm `clip`; `count` from 1. Returns the gradient's norm before clipping;
 * where that is not finite nothing is changed.
 */
EXPORT(molstep_update) float molstep_update(Engine *e, long count, float muon, float adam, float ema_decay, float clip) {
  const float norm = e->norm;
  if (!(norm < 3e38f)) return norm;
  double power1 = 1, power2 = 1;
  for (long k = 0; k < count && power1 > 1e-12; k++) power1 *= 0.9;
  for (long k = 0; k < count && power2 > 1e-12; k++) power2 *= 0.95;
  Matrix list[BLOCKS_MAX * 9];
  Update updates[THREADS_MAX];
  const int matrices = muon_matrices(&e->s, &e->net.l, list);
  for (int w = 0; w < e->threads; w++)
    updates[w] = (Update){.e = e, .index = w, .all = matrices, .list = list, .gain = norm > clip ? clip / (norm + 1e-6f) : 1.f, .muon = muon,
                          .adam = adam, .correct1 = (float)(1 / (1 - power1)), .correct2 = (float)(1 / (1 - power2)), .keep = ema_decay};
  run_updates(e, updates, update_share);
  run_updates(e, updates, average_share);
  return norm;
}

EXPORT(molstep_free) void molstep_free(Engine *e) {
  free(e->net.p), free(e->net.padded.scalars_w), free(e->net.t), free(e->ema), free(e->momentum), free(e->variance);
  for (int w = 0; w < e->threads; w++) free(e->worker[w].gradient), free(e->worker[w].padded), free(e->worker[w].scratch), free(e->worker[w].tile);
  free(e);
}
#endif

#include "egnn.h"
