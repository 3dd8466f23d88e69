/* Predictions and gradients of batches: divided into tiles and these among threads. */
#ifndef MOLSTEP_JOBS_H
#define MOLSTEP_JOBS_H
#include "denormals.h"
#include "engine.h"
#include "memory.h"
#if !defined(__wasm__)
#include <pthread.h>
#endif

/* A worker's memory for a tile, grown where it is too small. 0 where there is none. */
static int prepare_tile(Engine *e, Worker *w, Tile *t, int molecules, int n, int train) {
  Arena count = {0, 0};
  layout_tile(&e->s, &count, t, molecules, n, train);
  if (train) layout_gradient(&e->s, &count, &w->d, molecules, n);
  if (count.used > w->tile_floats) {
    release(w->tile);
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
  int without;      /* a block that estimates are made without; -1 for none */
  int share, *next; /* prediction: how many workers divide the job, and the next tile that none of them has taken */
  const int *nodes, *batches;
  const Net *net;
  const float *z, *target, *dx0, *times, *alpha, *sigma,
      *weights; /* `train`: towards a target, or by a gradient at x0 */
  float *out, *weak,
      scale; /* x0, and where it is asked, that without the block; where `train`, the gradient of z or 0 */
} Job;

/* What all jobs have: whose network is asked, and what. The caller says what for. */
static Job job_of(Engine *e, const Net *net, int groups, const int *nodes, const int *batches, const float *z,
                  const float *times, const float *alpha, const float *sigma) {
  return (Job){.e = e,
               .without = -1,
               .net = net,
               .groups = groups,
               .nodes = nodes,
               .batches = batches,
               .z = z,
               .times = times,
               .alpha = alpha,
               .sigma = sigma};
}

/*
 * Tiles are numbered through all groups. A gradient's tile k goes to worker k % threads, so that sums never depend on timing; an
 * estimate depends on its own molecule alone, so prediction's go to whoever comes first.
 */
static long first_tile(const Job *job) {
  return job->train ? job->index : __atomic_fetch_add(job->next, 1, __ATOMIC_RELAXED);
}
static long next_tile(const Job *job, long last) { return job->train ? last + job->e->threads : first_tile(job); }

/* Molecules of a tile of n nodes: as many as go into one; in prediction no more than give every worker an equal part of the job. */
static int job_tile(const Job *job, int n, long molecules) {
  const int most = tile_molecules(n);
  if (job->train) return most;
  const long turns = (molecules + (long)most * job->share - 1) / ((long)most * job->share);
  return turns < 1 ? 1 : (int)((molecules + turns * job->share - 1) / (turns * job->share));
}

/* One worker's tiles. */
static void do_tiles(Job *job) {
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
    w->d.scalars_w = g.scalars_w, w->d.scalars_b = g.scalars_b, w->d.bonds_out_w = g.bonds_out_w,
    w->d.bonds_out_b = g.bonds_out_b;
    w->d.loss[0] = w->d.loss[1] = w->d.loss[2] = 0;
  }
  for (int group = 0; group < job->groups; group++) {
    const int n = job->nodes[group], batch = job->batches[group], size = job_tile(job, n, all);
    const long length = (long)n * (3 * s->vectors + s->scalars) + (long)n * n * s->pairs;
    for (int m = 0; m < batch; m += size, index++) {
      if (index != mine) continue;
      const int molecules = batch - m < size ? batch - m : size;
      const float *z = job->z + at + m * length;
      const long k = first + m;
      Tile tile;
      if (!prepare_tile(e, w, &tile, molecules, n, job->train)) {
        job->ok = 0;
        return;
      }
      const float *times = job->times + k * s->times, *alpha = job->alpha + k, *sigma = job->sigma + k;
#if !defined(__wasm__)
      if (job->train) forward(job->net, &tile, z, times, alpha, sigma);
      if (job->train) w->d.dz = job->out ? job->out + at + m * length : 0;
      if (job->train)
        tile_backward(job->net, &tile, z, job->target ? job->target + at + m * length : 0,
                      job->dx0 ? job->dx0 + at + m * length : 0, times, alpha, sigma,
                      job->weights ? job->weights + k * 4 : 0, job->scale, &w->d, w->gradient);
      else
#endif
        predict(job->net, &tile, z, times, alpha, sigma, job->without, job->out + at + m * length,
                job->weak ? job->weak + at + m * length : 0);
      mine = next_tile(job, mine); /* only now: who claimed it before would keep it from the others */
    }
    at += batch * length, first += batch;
  }
  if (job->train) { /* the padded heads' gradients into their places */
    for (int r = 0; r < s->f; r++)
      for (int k = 0; k < s->scalars; k++)
        w->gradient[e->net.l.scalars_w + r * s->scalars + k] = w->d.scalars_w[r * s->lanes + k];
    for (int r = 0; r < PAIR; r++)
      for (int k = 0; k < s->pairs; k++)
        w->gradient[e->net.l.bonds_out_w + r * s->pairs + k] = w->d.bonds_out_w[r * LANES + k];
    for (int k = 0; k < s->scalars; k++) w->gradient[e->net.l.scalars_b + k] = w->d.scalars_b[k];
    for (int k = 0; k < s->pairs; k++) w->gradient[e->net.l.bonds_out_b + k] = w->d.bonds_out_b[k];
  }
}

/* The same, as threads begin. Predictions have next to no such small numbers, and keep them: they are the same bits in every build. */
static void *work(void *argument) {
  Job *job = argument;
  const unsigned long before = job->train ? flush_denormals() : 0;
  do_tiles(job);
  if (job->train) restore_denormals(before);
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
    jobs[w] = *common, jobs[w].index = w, jobs[w].share = common->e->threads, jobs[w].next = &next,
    arguments[w] = &jobs[w];
  run_all(common->e->threads, work, arguments);
  for (int w = 0; w < common->e->threads; w++) ok &= jobs[w].ok;
  return ok;
}

/*
 * x0 estimates of groups of molecules of one size each, one after another: z, out [molecules, length]; times [molecules, 16 + levels];
 * alpha, sigma [molecules]; made without block `without`, -1 for none; with `weak` [molecules, length] that is there, and the whole
 * network's is out. 1, or 0 where memory ran out.
 */
EXPORT(molstep_predict_groups)
int molstep_predict_groups(Engine *e, int groups, const int *nodes, const int *batches, const float *z,
                           const float *times, const float *alpha, const float *sigma, int without, float *out,
                           float *weak) {
  Job job = job_of(e, &e->net, groups, nodes, batches, z, times, alpha, sigma);
  job.out = out, job.without = without, job.weak = weak;
  return run_jobs(&job);
}

/*
 * The same, all on the calling thread with the memory of worker `worker` (below the engine's number of threads; 0 where it is not): several
 * threads may call at once, each as another worker.
 */
EXPORT(molstep_predict_groups_on)
int molstep_predict_groups_on(Engine *e, int worker, int groups, const int *nodes, const int *batches, const float *z,
                              const float *times, const float *alpha, const float *sigma, int without, float *out,
                              float *weak) {
  if (worker < 0 || worker >= e->threads) return 0;
  int next = 0;
  Job job = job_of(e, &e->net, groups, nodes, batches, z, times, alpha, sigma);
  job.index = worker, job.share = 1, job.next = &next, job.out = out, job.without = without, job.weak = weak;
  work(&job);
  return job.ok;
}

/* Of one group. */
EXPORT(molstep_predict)
int molstep_predict(Engine *e, int nodes, int batch, const float *z, const float *times, const float *alpha,
                    const float *sigma, int without, float *out, float *weak) {
  return molstep_predict_groups(e, 1, &nodes, &batch, z, times, alpha, sigma, without, out, weak);
}
EXPORT(molstep_predict_on)
int molstep_predict_on(Engine *e, int worker, int nodes, int batch, const float *z, const float *times,
                       const float *alpha, const float *sigma, int without, float *out, float *weak) {
  return molstep_predict_groups_on(e, worker, 1, &nodes, &batch, z, times, alpha, sigma, without, out, weak);
}

#endif
