/* Losses, gradients and updates, all threads taking part. */
#ifndef MOLSTEP_TRAINING_H
#define MOLSTEP_TRAINING_H
#include "jobs.h"
#include "optimiser.h"
#include "refresh.h"

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
    muon_update(e->net.kernel, &u->list[k], p, g, e->momentum, u->gain, u->muon, e->worker[u->index].scratch);
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

/* The workers' gradients as one in array 4, and its norm. */
static void sum_gradients(Engine *e) {
  Update updates[THREADS_MAX];
  double square = 0;
  for (int w = 0; w < e->threads; w++) updates[w] = (Update){.e = e, .index = w};
  run_updates(e, updates, sum_share);
  for (int w = 0; w < e->threads; w++) square += updates[w].square;
  e->norm = (float)__builtin_sqrt(square);
}

/* Losses [3] (mean over molecules) and the gradient of their sum, in array 4. */
EXPORT(molstep_gradient)
int molstep_gradient(Engine *e, int groups, const int *nodes, const int *batches, const float *z, const float *target,
                     const float *times, const float *alpha, const float *sigma, const float *weights, float *losses) {
  long molecules = 0;
  for (int k = 0; k < groups; k++) molecules += batches[k];
  Job job = job_of(e, &e->net, groups, nodes, batches, z, times, alpha, sigma);
  job.train = 1, job.target = target, job.weights = weights, job.scale = 1.f / molecules;
  if (!run_jobs(&job)) return 0;
  double sum[3] = {0};
  for (int w = 0; w < e->threads; w++)
    for (int k = 0; k < 3; k++) sum[k] += e->worker[w].d.loss[k];
  for (int k = 0; k < 3; k++) losses[k] = (float)(sum[k] / molecules);
  sum_gradients(e);
  return 1;
}

/*
 * The same by a gradient at x0, dx0 [molecules, length] as molstep_predict_groups() gives x0: in array 4 the gradient of the mean over
 * molecules of <dx0, x0>. 1, or 0 where memory ran out.
 */
EXPORT(molstep_gradient_at)
int molstep_gradient_at(Engine *e, int groups, const int *nodes, const int *batches, const float *z, const float *dx0,
                        const float *times, const float *alpha, const float *sigma) {
  long molecules = 0;
  for (int k = 0; k < groups; k++) molecules += batches[k];
  Job job = job_of(e, &e->net, groups, nodes, batches, z, times, alpha, sigma);
  job.train = 1, job.dx0 = dx0, job.scale = 1.f / molecules;
  if (!run_jobs(&job)) return 0;
  sum_gradients(e);
  return 1;
}

/*
 * dz [molecules, length], the gradient of <dx0, x0> of each molecule with respect to its z. What array 4 holds is lost, and with it the
 * norm: no update is to follow. 1, or 0 where memory ran out.
 */
EXPORT(molstep_input_gradient)
int molstep_input_gradient(Engine *e, int nodes, int batch, const float *z, const float *dx0, const float *times,
                           const float *alpha, const float *sigma, float *dz) {
  Job job = job_of(e, &e->net, 1, &nodes, &batch, z, times, alpha, sigma);
  job.train = 1, job.dx0 = dx0, job.out = dz, job.scale = 1.f;
  e->norm = __builtin_nanf("");
  return run_jobs(&job);
}

static void *averages_share(void *argument) {
  const Update *u = argument;
  derive_share(&u->e->averages, 0, u->index, u->e->threads, 0);
  return 0;
}

/* Estimates as molstep_predict_groups() makes them, by the averages of the weights in array 1. */
EXPORT(molstep_predict_averages)
int molstep_predict_averages(Engine *e, int nodes, int batch, const float *z, const float *times, const float *alpha,
                             const float *sigma, int without, float *out) {
  if (!e->averages_derived) { /* once an update, if at all */
    Update updates[THREADS_MAX];
    for (int w = 0; w < e->threads; w++) updates[w] = (Update){.e = e, .index = w};
    run_updates(e, updates, averages_share);
    e->averages_derived = 1;
  }
  Job job = job_of(e, &e->averages, 1, &nodes, &batch, z, times, alpha, sigma);
  job.out = out, job.without = without;
  return run_jobs(&job);
}

/*
 * One update from the gradient in array 4, clipped to norm `clip`; `count` from 1. Returns the gradient's norm before clipping;
 * where that is not finite nothing is changed.
 */
EXPORT(molstep_update)
float molstep_update(Engine *e, long count, float muon, float adam, float ema_decay, float clip) {
  const float norm = e->norm;
  if (!(norm < 3e38f)) return norm;
  double power1 = 1, power2 = 1;
  for (long k = 0; k < count && power1 > 1e-12; k++) power1 *= ADAM_BETA1;
  for (long k = 0; k < count && power2 > 1e-12; k++) power2 *= ADAM_BETA2;
  Matrix list[MATRICES_MAX];
  Update updates[THREADS_MAX];
  const int matrices = muon_matrices(&e->s, &e->net.l, list);
  for (int w = 0; w < e->threads; w++)
    updates[w] = (Update){.e = e,
                          .index = w,
                          .all = matrices,
                          .list = list,
                          .gain = norm > clip ? clip / (norm + 1e-6f) : 1.f,
                          .muon = muon,
                          .adam = adam,
                          .correct1 = (float)(1 / (1 - power1)),
                          .correct2 = (float)(1 / (1 - power2)),
                          .keep = ema_decay};
  run_updates(e, updates, update_share);
  run_updates(e, updates, average_share);
  e->averages_derived = 0;
  return norm;
}

#endif
