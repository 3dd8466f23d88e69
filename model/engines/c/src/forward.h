/* The forward pass for a tile of molecules of one size. The mathematics is told in docs/denoiser.md. */
#ifndef MOLSTEP_FORWARD_H
#define MOLSTEP_FORWARD_H
#include "constants.h"
#include "estimate.h"
#include "pairs.h"
#include "product.h"

static void block_forward(const Net *net, int b, Tile *t, const Saved *k) {
  const int f = net->s.f, R = net->s.radial, hidden = net->s.hidden, n = t->n, rows = t->rows, pairs = t->pairs;
  const BlockLayout *l = &net->l.block[b];
  const float *p = net->p, *w = net->packed;
  const long wide = f + SETS;
  layer_norm(rows, f, t->h, k->hn, wide, k->rstd1);
  geometry(t->molecules, n, t->x, k->xn, k->scale, k->q, k->shapes, SHAPES);
  norms(rows, k->q, k->hn + f, k->hn2 + f, wide);

  /* pair network */
  linear(net->kernel, rows, 2 * PAIR, f + SETS, k->hn, wide, w + l->edge_w, p + l->edge_b, t->ab, 2 * PAIR);
  pair_sums(t, t->ab, t->ab + PAIR, 2 * PAIR, 0, k->pre);
  linear_add(net->kernel, pairs, PAIR, R, t->radial, LANES, w + l->radial_w, k->pre, PAIR);
  linear_add(net->kernel, pairs, PAIR, SHAPES, k->shapes, SHAPES, w + l->radial_w + (long)R * PAIR, k->pre, PAIR);
  tell_estimate(net, t, t->x, k->estimate, k->estimated, w + l->estimate_w, k->pre);
  silu_all((long)pairs * PAIR, k->pre, t->hid);
  linear(net->kernel, pairs, PAIR_OUT, PAIR, t->hid, PAIR, w + l->pair_w, p + l->pair_b, k->m, PAIR_OUT);

  messages(t, f, k->shapes, k->m, k->mixed);

  /* attention */
  for (int part = 0; part < 3; part++)
    linear(net->kernel, rows, f, f, k->hn, wide, w + l->qkv_w + (long)part * f * f, p + l->qkv_b + part * f,
           k->qkv + (long)part * rows * f, f);
  attention(t, f, k->qkv, k->m, k->mixed);
  add_bias(rows, f, p + l->out_b, t->h);
  linear_add(net->kernel, rows, f, f + PAIR, k->mixed, f + PAIR, w + l->out_w, t->h, f);

  /* node network: t->act holds silu(up), t->wide its output */
  layer_norm(rows, f, t->h, k->hn2, wide, k->rstd2);
  linear(net->kernel, rows, hidden, f + SETS, k->hn2, wide, w + l->up_w, p + l->up_b, k->up, hidden);
  silu_all((long)rows * hidden, k->up, t->act);
  linear(net->kernel, rows, f + SETS, hidden, t->act, hidden, w + l->down_w, p + l->down_b, t->wide, wide);
  add_update(rows, f, t->wide, t->h, k->g);
  move_sets(t, k);
  linear_add(net->kernel, rows * 3, SETS, SETS, k->u, SETS, w + l->mix, t->x, SETS);
}

/*
 * z [molecules, length], times [molecules, s->times], alpha and sigma [molecules] -> what the first block takes, in the tile, which keeps
 * where z, alpha and sigma are.
 */
static void forward_input(const Net *net, Tile *t, const float *z, const float *times, const float *alpha,
                          const float *sigma) {
  const Sizes *s = &net->s;
  const int f = s->f, V = s->vectors, K = s->scalars, n = t->n, width = 3 * V + K, T = s->times, input = K + T;
  const long length = (long)n * width + (long)n * n * s->pairs;
  const float *p = net->p;
  float *in = t->act; /* [rows, K+T] */
  t->z = z, t->alpha = alpha, t->sigma = sigma;
  for (int r = 0; r < t->rows; r++) {
    const float *node = z + r / n * length + r % n * width, *time = times + r / n * T;
    for (int k = 0; k < K; k++) in[r * input + k] = node[3 * V + k];
    for (int k = 0; k < T; k++) in[r * input + K + k] = time[k];
    for (int a = 0; a < 3; a++)
      for (int c = 0; c < 16; c++) {
        float sum = 0;
        for (int v = 0; v < V; v++) sum += node[3 * v + a] * p[net->l.sets_in + v * 16 + c];
        t->x[r * 48 + a * 16 + c] = sum;
      }
  }
  linear(net->kernel, t->rows, f, input, in, input, net->packed + net->l.input_w, p + net->l.input_b, t->h, f);
  radial_features(s, t->molecules, n, z, length, t->radial);
}

/* Blocks `from` up to `to`, that one excluded. */
static void forward_blocks(const Net *net, Tile *t, int from, int to) {
  for (int b = from; b < to; b++) block_forward(net, b, t, &t->saved[b]);
}

/* What the last block leaves -> logits, bond logits and displacement O in the tile. */
static void forward_output(const Net *net, Tile *t) {
  const Sizes *s = &net->s;
  const int f = s->f, V = s->vectors;
  const float *p = net->p, *w = net->packed;
  layer_norm(t->rows, f, t->h, t->hl, f, t->rstd_end);
  linear(net->kernel, t->rows, s->lanes, f, t->hl, f, net->packed_heads.scalars_w, net->padded.scalars_b, t->logits,
         s->lanes);
  geometry(t->molecules, t->n, t->x, t->xn_end, t->scale_end, t->q_end, t->shapes_end, SETS);
  linear(net->kernel, t->rows, PAIR, f, t->hl, f, w + net->l.bonds_node_w, p + net->l.bonds_node_b, t->node_end, PAIR);
  pair_sums(t, t->node_end, t->node_end, PAIR, p + net->l.bonds_pair_b, t->pre_end);
  linear_add(net->kernel, t->pairs, PAIR, s->radial, t->radial, LANES, w + net->l.bonds_pair_w, t->pre_end, PAIR);
  linear_add(net->kernel, t->pairs, PAIR, SETS, t->shapes_end, SETS, w + net->l.bonds_pair_w + (long)s->radial * PAIR,
             t->pre_end, PAIR);
  tell_estimate(net, t, t->x, t->estimate_end, t->estimated_end, w + net->l.bonds_estimate_w, t->pre_end);
  silu_all((long)t->pairs * PAIR, t->pre_end, t->hid);
  linear(net->kernel, t->pairs, LANES, PAIR, t->hid, PAIR, net->packed_heads.bonds_out_w, net->padded.bonds_out_b,
         t->bond_logits, LANES);
  for (int r = 0; r < t->rows; r++)
    for (int v = 0; v < V; v++)
      for (int a = 0; a < 3; a++) {
        float sum = 0;
        for (int c = 0; c < 16; c++) sum += t->x[r * 48 + a * 16 + c] * p[net->l.sets_out + c * V + v];
        t->o[(r * V + v) * 3 + a] = sum;
      }
}

/* All of it. */
static void forward(const Net *net, Tile *t, const float *z, const float *times, const float *alpha,
                    const float *sigma) {
  forward_input(net, t, z, times, alpha, sigma);
  forward_blocks(net, t, 0, net->s.blocks);
  forward_output(net, t);
}

/* softmax of `count` logits; `out` may be `logits` */
INLINE void softmax(const float *logits, int count, float *out) {
  float max = logits[0], sum = 0;
  for (int k = 1; k < count; k++) max = logits[k] > max ? logits[k] : max;
  for (int k = 0; k < count; k++) sum += out[k] = exp_(logits[k] - max);
  for (int k = 0; k < count; k++) out[k] /= sum;
}

/* The estimate of x0 as a latent [molecules, length] from the tile's outputs. The tile's logits become probabilities. */
static void predict_x0(const Net *net, Tile *t, const float *z, const float *alpha, const float *sigma, float *out) {
  const Sizes *s = &net->s;
  const int V = s->vectors, K = s->scalars, P = s->pairs, n = t->n, width = 3 * V + K;
  const long length = (long)n * width + (long)n * n * P;
  for (int m = 0; m < t->molecules; m++) {
    const float *zm = z + m * length;
    float *om = out + m * length, mean[3] = {0};
    for (int i = 0; i < n; i++) {
      const float *o = t->o + (long)(m * n + i) * V * 3;
      float *logits = t->logits + (long)(m * n + i) * s->lanes;
      for (int k = 0; k < 3 * V; k++) om[i * width + k] = alpha[m] * zm[i * width + k] + sigma[m] * o[k];
      for (int a = 0; a < 3; a++) mean[a] += om[i * width + a];
      softmax(logits, K, logits);
      for (int k = 0; k < K; k++) om[i * width + 3 * V + k] = logits[k] * (float)ONE_HOT;
    }
    for (int i = 0; i < n; i++)
      for (int a = 0; a < 3; a++) om[i * width + a] -= mean[a] / n;
    for (int i = 0; i < n; i++)
      for (int j = 0; j < n; j++) {
        float *logits = t->bond_logits + ((long)(m * n + i) * n + j) * LANES, *pair = om + n * width + (i * n + j) * P;
        softmax(logits, P, logits);
        for (int k = 0; k < P; k++) pair[k] = i == j ? 0.f : logits[k] * (float)ONE_HOT;
      }
  }
}

/*
 * Estimates of x0 of a tile [molecules, length]; without block `without`, where there is one of this number. With `weak` that estimate goes
 * there, and the whole network's to `out`: what comes before the block is computed once.
 */
static void predict(const Net *net, Tile *t, const float *z, const float *times, const float *alpha, const float *sigma,
                    int without, float *out, float *weak) {
  const int blocks = net->s.blocks, fork = without >= 0 && without < blocks ? without : blocks;
  forward_input(net, t, z, times, alpha, sigma);
  forward_blocks(net, t, 0, fork);
  if (weak) {
    const long h = (long)t->rows * net->s.f * 4, x = (long)t->rows * 3 * SETS * 4; /* bytes */
    __builtin_memcpy(t->fork_h, t->h, h), __builtin_memcpy(t->fork_x, t->x, x);
    forward_blocks(net, t, fork, blocks);
    forward_output(net, t);
    predict_x0(net, t, z, alpha, sigma, out);
    __builtin_memcpy(t->h, t->fork_h, h), __builtin_memcpy(t->x, t->fork_x, x);
  }
  forward_blocks(net, t, fork + 1, blocks);
  forward_output(net, t);
  predict_x0(net, t, z, alpha, sigma, weak ? weak : out);
}

#endif
