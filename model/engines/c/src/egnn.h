/* The EGNN as callers see it: made, loaded, run, freed. */
#ifndef MOLSTEP_EGNN_H
#define MOLSTEP_EGNN_H
#include "egnn_forward.h"
#include "engine.h"
#include "memory.h"
#include "product_kernels.h"

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
EXPORT(molstep_egnn_create)
Egnn *molstep_egnn_create(int inputs, int outputs, int width, int blocks, int layers, int attention, int tanh,
                          float norm, float factor, float range, int threads) {
  if (width % 16 || width < 16 || width > EGNN_WIDTH_MAX || blocks < 1 || blocks > EGNN_BLOCKS_MAX || layers < 1 ||
      layers > EGNN_LAYERS_MAX)
    return 0;
  if (inputs < 1 || inputs > EGNN_INPUTS_MAX || outputs < 1 || outputs > EGNN_OUTPUTS_MAX || threads < 1 ||
      threads > THREADS_MAX)
    return 0;
  Egnn *e = allocate(sizeof(Egnn));
  if (!e) return 0;
  e->net.s = (EgnnSizes){inputs, outputs, width, blocks, layers, attention, tanh, norm, factor, range};
  e->net.kernel = &FLOAT32, e->threads = threads;
  EgnnCursor count = {0};
  place_egnn(&count, &e->net);
  e->packed = allocate(count.packed.used * 4);
  return e->packed ? e : 0;
}

EXPORT(molstep_egnn_parameter_count) long molstep_egnn_parameter_count(const Egnn *e) {
  EgnnNet net = {.s = e->net.s, .kernel = e->net.kernel};
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
  int index, groups, ok;
  Team *team;
  int *next; /* of all threads: the next tile that none has taken */
  const int *nodes, *batches;
  const float *h, *x;
  float *h_out, *x_out;
} EgnnJob;

/* What worker `index` does of a call. */
static EgnnJob egnn_job(Egnn *e, int index, Team *team, int *next, int groups, const int *nodes, const int *batches,
                        const float *h, const float *x, float *h_out, float *x_out) {
  return (EgnnJob){.e = e,
                   .index = index,
                   .groups = groups,
                   .ok = 1,
                   .team = team,
                   .next = next,
                   .nodes = nodes,
                   .batches = batches,
                   .h = h,
                   .x = x,
                   .h_out = h_out,
                   .x_out = x_out};
}

typedef struct {
  int n, molecules;
  long row; /* the first, in the flat arrays */
} EgnnPlace;

/* Tile `index` of the job; 0 where there are not so many. */
static int find_tile(const EgnnJob *job, long index, EgnnPlace *place) {
  long all = 0, row = 0;
  for (int group = 0; group < job->groups; group++) all += job->batches[group];
  const long share = (all + job->team->size - 1) / job->team->size;
  for (int group = 0; group < job->groups; group++) {
    const int n = job->nodes[group], batch = job->batches[group],
              most = EGNN_TILE_ROWS / n < 1 ? 1 : EGNN_TILE_ROWS / n;
    const int size = most < share ? most : (int)share;
    const long tiles = size ? (batch + size - 1) / size : 0, from = index * size;
    if (index < tiles) {
      *place = (EgnnPlace){n, batch - from < size ? batch - from : size, row + from * n};
      return 1;
    }
    index -= tiles, row += (long)batch * n;
  }
  return 0;
}

/* A worker's memory for a tile that `team` goes through, grown where it is too small. w->tile is 0 where there is none. */
static void prepare_egnn_tile(const Egnn *e, EgnnWorker *w, const EgnnPlace *place, Team *team) {
  EgnnTile tile;
  Arena count = {0, 0};
  layout_egnn_tile(&count, &tile, e->net.kernel, place->molecules, place->n, team, 0);
  if (count.used <= w->floats) return;
  release(w->tile);
  w->tile = allocate(count.used * 4), w->floats = w->tile ? count.used : 0;
}

/* Member `member` of a team goes through a tile in this memory. */
static void run_tile(const EgnnJob *job, const EgnnPlace *place, EgnnWorker *w, Team *team, int member) {
  const EgnnSizes *s = &job->e->net.s;
  EgnnTile tile;
  Arena arena = {w->tile, 0};
  layout_egnn_tile(&arena, &tile, job->e->net.kernel, place->molecules, place->n, team, member);
  egnn_forward(&job->e->net, &tile, job->h + place->row * s->inputs, job->x + place->row * 3,
               job->h_out + place->row * s->outputs, job->x_out + place->row * 3);
}

/*
 * One thread: takes tiles until none is left; those that do not come out even, all threads do together. A molecule's results depend on it
 * alone, so it does not matter who does them.
 */
static void *egnn_work(void *argument) {
  EgnnJob *job = argument;
  EgnnWorker *own = &job->e->worker[job->index], *common = &job->e->worker[0];
  Team alone = {.size = 1}, *team = job->team;
  EgnnPlace place;
  long all = 0;
#if !defined(__wasm__)
  team_join(team);
#endif
  while (find_tile(job, all, &place)) all++;
  const long even = all - all % team->size;
  for (long index; (index = __atomic_fetch_add(job->next, 1, __ATOMIC_RELAXED)) < even;) {
    find_tile(job, index, &place);
    prepare_egnn_tile(job->e, own, &place, &alone);
    if (!own->tile) job->ok = 0;
    else run_tile(job, &place, own, &alone, 0);
  }
  for (long index = even; index < all; index++) {
    find_tile(job, index, &place);
    if (job->index == 0) prepare_egnn_tile(job->e, common, &place, team);
    team_wait(team);
    if (!common->tile) job->ok = 0;
    else run_tile(job, &place, common, team, job->index);
    team_wait(team);
  }
  return 0;
}

/*
 * Groups of molecules of one size each, one after another: h [nodes of all, inputs], x [nodes of all, 3] -> h_out [.., outputs], x_out [.., 3].
 * 1, or 0 where memory ran out.
 */
EXPORT(molstep_egnn_run_groups)
int molstep_egnn_run_groups(Egnn *e, int groups, const int *nodes, const int *batches, const float *h, const float *x,
                            float *h_out, float *x_out) {
  Team team = {.size = 1};
  int next = 0, ok = 1, size = 1;
  EgnnJob jobs[THREADS_MAX];
  for (int w = 0; w < e->threads; w++)
    jobs[w] = egnn_job(e, w, &team, &next, groups, nodes, batches, h, x, h_out, x_out);
#if defined(__wasm__)
  egnn_work(&jobs[0]);
#else
  pthread_t id[THREADS_MAX];
  team_open(&team);
  while (size < e->threads && !pthread_create(&id[size], 0, egnn_work, &jobs[size])) size++;
  team_start(&team, size);
  egnn_work(&jobs[0]);
  for (int w = 1; w < size; w++) pthread_join(id[w], 0);
  team_close(&team);
#endif
  for (int w = 0; w < size; w++) ok &= jobs[w].ok;
  return ok;
}

/* The same, all on the calling thread with the memory of worker `worker`; see molstep_predict_groups_on. */
EXPORT(molstep_egnn_run_groups_on)
int molstep_egnn_run_groups_on(Egnn *e, int worker, int groups, const int *nodes, const int *batches, const float *h,
                               const float *x, float *h_out, float *x_out) {
  if (worker < 0 || worker >= e->threads) return 0;
  int next = 0;
#if defined(__wasm__)
  Team alone = {.size = 1};
#else
  Team alone = {.lock = PTHREAD_MUTEX_INITIALIZER, .size = 1};
#endif
  EgnnJob job = egnn_job(e, worker, &alone, &next, groups, nodes, batches, h, x, h_out, x_out);
  egnn_work(&job);
  return job.ok;
}

/* Of one group. */
EXPORT(molstep_egnn_run)
int molstep_egnn_run(Egnn *e, int nodes, int batch, const float *h, const float *x, float *h_out, float *x_out) {
  return molstep_egnn_run_groups(e, 1, &nodes, &batch, h, x, h_out, x_out);
}
EXPORT(molstep_egnn_run_on)
int molstep_egnn_run_on(Egnn *e, int worker, int nodes, int batch, const float *h, const float *x, float *h_out,
                        float *x_out) {
  return molstep_egnn_run_groups_on(e, worker, 1, &nodes, &batch, h, x, h_out, x_out);
}

#if !defined(__wasm__)
EXPORT(molstep_egnn_free) void molstep_egnn_free(Egnn *e) {
  for (int w = 0; w < e->threads; w++) free(e->worker[w].tile);
  free(e->packed), free(e);
}
#endif

#endif
