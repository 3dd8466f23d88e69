/* Where the backward pass begins: at a loss, or at a gradient of the estimate that is given. Ends in network_backward(). */
#ifndef MOLSTEP_OUTPUTS_H
#define MOLSTEP_OUTPUTS_H
#include "backward.h"
#include "constants.h"

/*
 * Loss of a tile and the gradients of its outputs, as network_backward() asks for them. weights [molecules, 4]: positions, scalars, pairs, and
 * what a node's last vector counts beside its share; `scale` multiplies each molecule's loss (1 / molecules of the whole batch). The losses reported are unscaled sums over molecules, each weighted.
 */
static void loss_outputs(const Net *net, const Tile *t, const float *z, const float *target, const float *alpha,
                         const float *sigma, const float *weights, float scale, Gradient *d, float *g) {
  const Sizes *s = &net->s;
  const int V = s->vectors, K = s->scalars, P = s->pairs, n = t->n, rows = t->rows, pairs = t->pairs, width = 3 * V + K;
  const long length = (long)n * width + (long)n * n * P;
  float *dlogits = d->dup, *dbonds = d->dpair;
  __builtin_memset(dlogits, 0, sizeof(float) * rows * s->lanes);
  __builtin_memset(dbonds, 0, sizeof(float) * pairs * LANES);
  __builtin_memset(d->dx, 0, sizeof(float) * rows * 48);
  for (int m = 0; m < t->molecules; m++) {
    const float *zm = z + m * length, *tm = target + m * length, *w = weights + m * 4;
    float mean[3] = {0};
    for (int i = 0; i < n; i++)
      for (int a = 0; a < 3; a++)
        mean[a] += (alpha[m] * zm[i * width + a] + sigma[m] * t->o[(long)(m * n + i) * V * 3 + a]) / n;
    for (int i = 0; i < n; i++) {
      const long r = m * n + i;
      for (int v = 0; v < V; v++) {
        const float weight = w[0] / n * (v == 0 ? 1.f : (float)VECTOR_WEIGHT) * (v > 0 && v == V - 1 ? w[3] : 1.f);
        for (int a = 0; a < 3; a++) {
          const int at = i * width + v * 3 + a;
          float error = alpha[m] * zm[at] + sigma[m] * t->o[(r * V + v) * 3 + a] - tm[at] - (v == 0 ? mean[a] : 0.f);
          d->loss[0] += weight * error * error;
          const float dout = scale * sigma[m] * 2.f * weight * error;
          for (int c = 0; c < 16; c++) {
            d->dx[r * 48 + a * 16 + c] += dout * net->p[net->l.sets_out + c * V + v];
            g[net->l.sets_out + c * V + v] += dout * t->x[r * 48 + a * 16 + c];
          }
        }
      }
      float probability[SCALARS_MAX];
      softmax(t->logits + r * s->lanes, K, probability);
      for (int k = 0; k < K; k++) {
        const float want = tm[i * width + 3 * V + k] / (float)ONE_HOT;
        if (want > 0.f)
          d->loss[1] -= w[1] / n * want * __builtin_logf(probability[k] > 1e-30f ? probability[k] : 1e-30f);
        dlogits[r * s->lanes + k] = scale * w[1] / n * (probability[k] - want);
      }
      for (int j = 0; j < n; j++) {
        if (i == j) continue;
        const long pair = r * n + j;
        const float *pt = tm + n * width + (i * n + j) * P, each = w[2] / (n * n);
        softmax(t->bond_logits + pair * LANES, P, probability);
        for (int k = 0; k < P; k++) {
          const float want = pt[k] / (float)ONE_HOT;
          if (want > 0.f) d->loss[2] -= each * want * __builtin_logf(probability[k] > 1e-30f ? probability[k] : 1e-30f);
          dbonds[pair * LANES + k] = scale * each * (probability[k] - want);
        }
      }
    }
  }
}

/* out [count]: the gradient of logits whose softmax has the gradient scale * given. */
static void softmax_backward(const float *logits, int count, const float *given, float scale, float *out) {
  float probability[SCALARS_MAX], mean = 0;
  softmax(logits, count, probability);
  for (int k = 0; k < count; k++) mean += probability[k] * given[k];
  for (int k = 0; k < count; k++) out[k] = scale * probability[k] * (given[k] - mean);
}

/*
 * The same with dx0 [molecules, length], the gradient at the estimate that predict_x0() makes, in a loss's place: through the centring of
 * the first vector and the softmaxes of classes and pairs. `scale` multiplies it. No losses are told.
 */
static void estimate_outputs(const Net *net, const Tile *t, const float *dx0, const float *alpha, const float *sigma,
                             float scale, Gradient *d, float *g) {
  const Sizes *s = &net->s;
  const int V = s->vectors, K = s->scalars, P = s->pairs, n = t->n, rows = t->rows, pairs = t->pairs, width = 3 * V + K;
  const long length = (long)n * width + (long)n * n * P;
  __builtin_memset(d->dup, 0, sizeof(float) * rows * s->lanes);
  __builtin_memset(d->dpair, 0, sizeof(float) * pairs * LANES);
  __builtin_memset(d->dx, 0, sizeof(float) * rows * 48);
  if (d->dz) __builtin_memset(d->dz, 0, sizeof(float) * t->molecules * length);
  for (int m = 0; m < t->molecules; m++) {
    const float *given = dx0 + m * length;
    float mean[3] = {0};
    for (int i = 0; i < n; i++)
      for (int a = 0; a < 3; a++) mean[a] += given[i * width + a] / n;
    for (int i = 0; i < n; i++) {
      const long r = m * n + i;
      for (int k = 0; k < 3 * V; k++) {
        const float dvector = scale * (given[i * width + k] - (k < 3 ? mean[k] : 0.f)), dout = sigma[m] * dvector;
        const int v = k / 3, a = k % 3;
        for (int c = 0; c < 16; c++) {
          d->dx[r * 48 + a * 16 + c] += dout * net->p[net->l.sets_out + c * V + v];
          g[net->l.sets_out + c * V + v] += dout * t->x[r * 48 + a * 16 + c];
        }
        if (d->dz) d->dz[m * length + i * width + k] = alpha[m] * dvector;
      }
      softmax_backward(t->logits + r * s->lanes, K, given + i * width + 3 * V, scale * (float)ONE_HOT,
                       d->dup + r * s->lanes);
      for (int j = 0; j < n; j++)
        if (i != j) {
          const long pair = r * n + j;
          softmax_backward(t->bond_logits + pair * LANES, P, given + n * width + (i * n + j) * P,
                           scale * (float)ONE_HOT, d->dpair + pair * LANES);
        }
    }
  }
}

/*
 * The whole way back of a tile after its way forward: from the loss towards a target or, where dx0 is given, from that gradient of the
 * estimate.
 */
static void tile_backward(const Net *net, Tile *t, const float *z, const float *target, const float *dx0,
                          const float *times, const float *alpha, const float *sigma, const float *weights, float scale,
                          Gradient *d, float *g) {
  if (dx0) estimate_outputs(net, t, dx0, alpha, sigma, scale, d, g);
  else loss_outputs(net, t, z, target, alpha, sigma, weights, scale, d, g);
  network_backward(net, t, z, times, d, g);
}

#endif
