/* The EGNN as callers see it: made, loaded, run, freed. Included by engine.c after its memory and threads. */
#ifndef MOLSTEP_EGNN_H
#define MOLSTEP_EGNN_H
#include "egnn_forward.h"

/* Nodes of a tile of molecules: enough that a block's weights, read once a tile, cost little. */
enum { EGNN_TILE_ROWS = 72 };

typedef struct {
  float *tile;
  long floats;
} EgnnWorker;

typedef struct {
  EgnnNet net;
  int threads;
  float *packed;
  EgnnWorker worker[THREADS_MAX];
} Egnn;

/* 0 where a size is beyond the engine's or memory runs out. `factor` 0: messages are averaged over all nodes. */
EXPORT(molstep_egnn_create) Egnn *molstep_egnn_create(int inputs, int outputs, int width, int blocks, int layers, int attention, int tanh,
                                                      float norm, float factor, float range, int threads) {
  if (width % 16 || width < 16 || width > EGNN_WIDTH_MAX || blocks < 1 || blocks > EGNN_BLOCKS_MAX || layers < 1 || layers > EGNN_LAYERS_MAX) return 0;
  if (inputs < 1 || inputs > EGNN_FEATURES_MAX || outputs < 1 || outputs > EGNN_WIDTH_MAX || threads < 1 || threads > THREADS_MAX) return 0;
  Egnn *e = allocate(sizeof(Egnn));
  if (!e) return 0;
  e->net.s = (EgnnSizes){inputs, outputs, width, blocks, layers, attention, tanh, norm, factor, range};
  e->threads = threads;
  EgnnCursor count = {0};
  place_egnn(&count, &e->net);
  e->packed = allocate(count.packed.used * 4);
  return e->packed ? e : 0;
}

EXPORT(molstep_egnn_parameter_count) long molstep_egnn_parameter_count(const Egnn *e) {
  EgnnNet net = {.s = e->net.s};
  EgnnCursor count = {0};
  place_egnn(&count, &net);
  return count.read;
}

/* Takes parameters [from, from + count) of storage order, whole tensors; they are copied. All must have been taken before a run. */
EXPORT(molstep_egnn_load) void molstep_egnn_load(Egnn *e, long from, long count, const float *parameters) {
  EgnnCursor cursor = {.raw = parameters, .from = from, .to = from + count, .packed = {e->packed, 0}};
  place_egnn(&cursor, &e->net);
}

typedef struct {
  Egnn *e;
  int index, groups, share, ok;
  int *next; /* of all threads: the next tile that none has taken */
  const int *nodes, *batches;
  const float *h, *x;
  float *h_out, *x_out;
} EgnnJob;

/* A worker's memory for a tile, grown where it is too small. 0 where there is none. */
static int prepare_egnn_tile(EgnnWorker *w, EgnnTile *t, int molecules, int n) {
  Arena count = {0, 0};
  layout_egnn_tile(&count, t, molecules, n);
  if (count.used > w->floats) {
#if !defined(__wasm__)
    free(w->tile);
#endif
    w->tile = allocate(count.used * 4), w->floats = w->tile ? count.used : 0;
    if (!w->tile) return 0;
  }
  Arena arena = {w->tile, 0};
  layout_egnn_tile(&arena, t, molecules, n);
  return 1;
}

/* One thread: takes tiles until none is left. A molecule's results depend on it alone, so it does not matter which takes it. */
static void *egnn_work(void *argument) {
  EgnnJob *job = argument;
  Egnn *e = job->e;
  const EgnnSizes *s = &e->net.s;
  long at = 0, index = 0, mine = __atomic_fetch_add(job->next, 1, __ATOMIC_RELAXED), all = 0;
  job->ok = 1;
  for (int group = 0; group < job->groups; group++) all += job->batches[group];
  const long share = (all + job->share - 1) / job->share;
  for (int group = 0; group < job->groups; group++) {
    const int n = job->nodes[group], batch = job->batches[group], most = EGNN_TILE_ROWS / n < 1 ? 1 : EGNN_TILE_ROWS / n;
    const int size = most < share ? most : (int)share;
    for (int m = 0; m < batch; m += size, index++) {
      if (index != mine) continue;
      mine = __atomic_fetch_add(job->next, 1, __ATOMIC_RELAXED);
      const long row = at + (long)m * n;
      EgnnTile tile;
      if (!prepare_egnn_tile(&e->worker[job->index], &tile, batch - m < size ? batch - m : size, n)) {
        job->ok = 0;
        return 0;
      }
      egnn_forward(&e->net, &tile, job->h + row * s->inputs, job->x + row * 3, job->h_out + row * s->outputs, job->x_out + row * 3);
    }
    at += (long)batch * n;
  }
  return 0;
}

/*
 * Groups of molecules of one size each, one after another: h [nodes of all, inputs], x [nodes of all, 3] -> h_out [.., outputs], x_out [.., 3].
 * 1, or 0 where memory ran out.
 */
EXPORT(molstep_egnn_run_groups) int molstep_egnn_run_groups(Egnn *e, int groups, const int *nodes, const int *batches, const float *h, const float *x,
                                                            float *h_out, float *x_out) {
  EgnnJob jobs[THREADS_MAX];
  void *arguments[THREADS_MAX] = {0};
  int ok = 1, next = 0;
  for (int w = 0; w < e->threads; w++)
    jobs[w] = (EgnnJob){.e = e, .index = w, .groups = groups, .share = e->threads, .next = &next, .nodes = nodes, .batches = batches, .h = h, .x = x,
                        .h_out = h_out, .x_out = x_out}, arguments[w] = &jobs[w];
  run_all(e->threads, egnn_work, arguments);
  for (int w = 0; w < e->threads; w++) ok &= jobs[w].ok;
  return ok;
}

/* The same, all on the calling thread with the memory of worker `worker`; see molstep_predict_groups_on. */
EXPORT(molstep_egnn_run_groups_on) int molstep_egnn_run_groups_on(Egnn *e, int worker, int groups, const int *nodes, const int *batches, const float *h,
                                                                  const float *x, float *h_out, float *x_out) {
  if (worker < 0 || worker >= e->threads) return 0;
  int next = 0;
  EgnnJob job = {.e = e, .index = worker, .groups = groups, .share = 1, .next = &next, .nodes = nodes, .batches = batches, .h = h, .x = x, .h_out = h_out,
                 .x_out = x_out};
  egnn_work(&job);
  return job.ok;
}

/* Of one group. */
EXPORT(molstep_egnn_run) int molstep_egnn_run(Egnn *e, int nodes, int batch, const float *h, const float *x, float *h_out, float *x_out) {
  return molstep_egnn_run_groups(e, 1, &nodes, &batch, h, x, h_out, x_out);
}
EXPORT(molstep_egnn_run_on) int molstep_egnn_run_on(Egnn *e, int worker, int nodes, int batch, const float *h, const float *x, float *h_out, float *x_out) {
  return molstep_egnn_run_groups_on(e, worker, 1, &nodes, &batch, h, x, h_out, x_out);
}

#if !defined(__wasm__)
EXPORT(molstep_egnn_free) void molstep_egnn_free(Egnn *e) {
  for (int w = 0; w < e->threads; w++) free(e->worker[w].tile);
  free(e->packed), free(e);
}
#endif

#endif
