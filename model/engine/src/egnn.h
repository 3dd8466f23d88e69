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
  int index, nodes, batch, size, ok;
  int *next; /* of all threads: the next tile that none has taken */
  const float *h, *x;
  float *h_out, *x_out;
} EgnnJob;

/* One thread: takes tiles until none is left. A molecule's results depend on it alone, so it does not matter which takes it. */
static void *egnn_work(void *argument) {
  EgnnJob *job = argument;
  Egnn *e = job->e;
  EgnnWorker *w = &e->worker[job->index];
  const EgnnSizes *s = &e->net.s;
  job->ok = 1;
  for (long m; (m = (long)__atomic_fetch_add(job->next, 1, __ATOMIC_RELAXED) * job->size) < job->batch;) {
    const int molecules = job->batch - m < job->size ? job->batch - m : job->size;
    const long row = m * job->nodes;
    EgnnTile tile;
    Arena count = {0, 0};
    layout_egnn_tile(&count, &tile, molecules, job->nodes);
    if (count.used > w->floats) {
#if !defined(__wasm__)
      free(w->tile);
#endif
      w->tile = allocate(count.used * 4), w->floats = w->tile ? count.used : 0;
      if (!w->tile) {
        job->ok = 0;
        return 0;
      }
    }
    Arena arena = {w->tile, 0};
    layout_egnn_tile(&arena, &tile, molecules, job->nodes);
    egnn_forward(&e->net, &tile, job->h + row * s->inputs, job->x + row * 3, job->h_out + row * s->outputs, job->x_out + row * 3);
  }
  return 0;
}

/* h [batch, nodes, inputs], x [batch, nodes, 3] -> h_out [batch, nodes, outputs], x_out [batch, nodes, 3]. 1, or 0 where memory ran out. */
EXPORT(molstep_egnn_run) int molstep_egnn_run(Egnn *e, int nodes, int batch, const float *h, const float *x, float *h_out, float *x_out) {
  const int share = (batch + e->threads - 1) / e->threads, most = EGNN_TILE_ROWS / nodes;
  const int size = most < 1 ? 1 : most < share ? most : share;
  EgnnJob jobs[THREADS_MAX];
  void *arguments[THREADS_MAX] = {0};
  int ok = 1, next = 0;
  for (int w = 0; w < e->threads; w++)
    jobs[w] = (EgnnJob){.e = e, .index = w, .next = &next, .nodes = nodes, .batch = batch, .size = size, .h = h, .x = x, .h_out = h_out, .x_out = x_out}, arguments[w] = &jobs[w];
  run_all(e->threads, egnn_work, arguments);
  for (int w = 0; w < e->threads; w++) ok &= jobs[w].ok;
  return ok;
}

#if !defined(__wasm__)
EXPORT(molstep_egnn_free) void molstep_egnn_free(Egnn *e) {
  for (int w = 0; w < e->threads; w++) free(e->worker[w].tile);
  free(e->packed), free(e);
}
#endif

#endif
