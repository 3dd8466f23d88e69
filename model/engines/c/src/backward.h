/* The backward pass of forward.h, written by hand. Gradients add up in `g`, laid out as the parameters. */
#ifndef MOLSTEP_BACKWARD_H
#define MOLSTEP_BACKWARD_H
#include "forward.h"
#include "gemm.h"
#include "gradient.h"
#include "input.h"

/* dh += gradient of LN through `normed` (row length row_), given d normed */
static void layer_norm_backward(int rows, int f, const float *restrict normed, const float *restrict rstd,
                                const float *restrict dnormed, long row_, float *restrict dh) {
  for (int r = 0; r < rows; r++) {
    const float *y = normed + r * row_, *d = dnormed + r * row_;
    float mean = 0, dot = 0, *o = dh + (long)r * f;
    for (int k = 0; k < f; k++) mean += d[k], dot += d[k] * y[k];
    mean /= f, dot /= f;
    for (int k = 0; k < f; k++) o[k] += rstd[r] * (d[k] - mean - y[k] * dot);
  }
}

static void bias_gradient(int rows, int columns, const float *restrict dy, long row_, float *restrict db) {
  for (int r = 0; r < rows; r++)
    for (int k = 0; k < columns; k++) db[k] += dy[r * row_ + k];
}

/* dx[m,k] (+)= dy[m,n] w^T, wt = w^T [n,k] as its kernel packed it */
INLINE void input_gradient(const ProductKernel *kernel, int m, int n, int k, const float *dy, long dy_row,
                           const float *wt, float *dx, long dx_row, int accumulate) {
  if (accumulate) linear_add(kernel, m, k, n, dy, dy_row, wt, dx, dx_row);
  else linear(kernel, m, k, n, dy, dy_row, wt, 0, dx, dx_row);
}

/*
 * From gradients of the shapes [pairs, width] (and of the squared norms, already in dq, and of xn, already in dxn)
 * to the gradient of x, which replaces or adds to `dx`.
 */
static void geometry_backward(int molecules, int n, const float *restrict xn, const float *restrict scale,
                              const float *restrict q, const float *restrict shapes, const float *restrict dshapes,
                              int width, float *restrict dxn, float *restrict dq, float *restrict dx) {
  for (int m = 0; m < molecules; m++) {
    const float *y = xn + (long)m * n * 48, *qm = q + (long)m * n * 16;
    float *dy = dxn + (long)m * n * 48, *dqm = dq + (long)m * n * 16;
    for (int i = 0; i < n; i++)
      for (int j = 0; j < n; j++) {
        const long pair = (long)(m * n + i) * n + j;
        const float *s = shapes + pair * width, *ds = dshapes + pair * width;
        const float *a = y + i * 48, *b = y + j * 48, *qi = qm + i * 16, *qj = qm + j * 16;
        float *da = dy + i * 48, *db = dy + j * 48, *dqi = dqm + i * 16, *dqj = dqm + j * 16;
        float dots[16], norms[16];
        for (int c = 0; c < 16; c++) {
          float d2 = s[c] * s[c] - 1e-4f; /* squared distance; below 1e-7 it was clamped to zero */
          float dd2 = i != j && d2 > 1e-7f ? ds[c] / (2.f * s[c]) : 0.f;
          dots[c] = -2.f * dd2, norms[c] = dd2;
        }
        if (width == SHAPES)
          for (int c = 0; c < 16; c++) {
            float inverse = 1.f / (1.f + qi[c] + qj[c]);
            dots[c] += ds[16 + c] * inverse;
            norms[c] -= ds[16 + c] * s[16 + c] * inverse;
          }
        float add[3][16];
        for (int axis = 0; axis < 3; axis++)
          for (int c = 0; c < 16; c++) {
            add[axis][c] = dots[c] * a[axis * 16 + c];
            da[axis * 16 + c] += dots[c] * b[axis * 16 + c];
          }
        for (int axis = 0; axis < 3; axis++)
          for (int c = 0; c < 16; c++) db[axis * 16 + c] += add[axis][c];
        for (int c = 0; c < 16; c++) dqi[c] += norms[c];
        for (int c = 0; c < 16; c++) dqj[c] += norms[c];
      }
    float sum[16] = {0};
    for (int i = 0; i < n; i++)
      for (int axis = 0; axis < 3; axis++)
        for (int c = 0; c < 16; c++) {
          const int at = i * 48 + axis * 16 + c;
          dy[at] += 2.f * dqm[i * 16 + c] * y[at];
          sum[c] += dy[at] * y[at];
        }
    for (int i = 0; i < n * 3; i++)
      for (int c = 0; c < 16; c++)
        dx[(long)m * n * 48 + i * 16 + c] += scale[m * 16 + c] * (dy[i * 16 + c] - y[i * 16 + c] * sum[c] / n);
  }
}

/* A row of a softmax over n columns, PAIR_OUT apart: w its shares, dw the gradient of these, which becomes that of the logits. */
static void softmax_row_backward(int n, const float *w, float *dw) {
  EACH {
    vector sum = {0};
    for (int j = 0; j < n; j++) sum = FMA(part(w + j * PAIR_OUT, v), part(dw + j * PAIR_OUT, v), sum);
    for (int j = 0; j < n; j++) {
      const long at = (long)j * PAIR_OUT;
      put(dw + at, v, part(w + at, v) * (part(dw + at, v) - sum));
    }
  }
}

/* dpair's attention lanes and dqkv from d mixed */
static void attention_backward(const Tile *t, int f, const Saved *k, const float *restrict dmixed,
                               float *restrict dpair, float *restrict dqkv) {
  const int n = t->n, d = f / HEADS;
  const long plane = (long)t->rows * f, out_row = f + PAIR, row = (long)n * PAIR_OUT;
  const float inverse = 1.f / __builtin_sqrtf((float)d);
  for (int m = 0; m < t->molecules; m++) {
    const long first = (long)m * n;
    const float *q = k->qkv + first * f, *key = q + plane, *value = key + plane, *o = dmixed + first * out_row,
                *w = k->m + first * row + PAIR;
    float *dq = dqkv + first * f, *dk = dq + plane, *dv = dk + plane, *dw = dpair + first * row + PAIR;
    for (int c = 0; c < HEADS; c += VECTOR_FLOATS) {
      lane_product(&(LaneProduct){n, n, d, o + c, out_row, HEADS, value + c, f, HEADS, dw + c, row, PAIR_OUT, 1.f, 0});
      lane_product(&(LaneProduct){n, d, n, w + c, PAIR_OUT, row, o + c, HEADS, out_row, dv + c, f, HEADS, 1.f, 0});
    }
    for (int i = 0; i < n; i++) softmax_row_backward(n, w + i * row, dw + i * row);
    for (int c = 0; c < HEADS; c += VECTOR_FLOATS) {
      lane_product(&(LaneProduct){n, d, n, dw + c, row, PAIR_OUT, key + c, HEADS, f, dq + c, f, HEADS, inverse, 0});
      lane_product(&(LaneProduct){n, d, n, dw + c, PAIR_OUT, row, q + c, HEADS, f, dk + c, f, HEADS, inverse, 0});
    }
  }
}

static void block_backward(const Net *net, int b, Tile *t, Gradient *d, float *restrict g) {
  const int f = net->s.f, R = net->s.radial, hidden = net->s.hidden, n = t->n, rows = t->rows, pairs = t->pairs;
  const BlockLayout *l = &net->l.block[b];
  const BlockTransposed *lt = &net->lt.block[b];
  const Saved *k = &t->saved[b];
  const long wide = f + SETS;
  /* coordinate sets: d u in act */
  float *du = t->act;
  weight_gradient(net->kernel, rows * 3, SETS, SETS, k->u, SETS, d->dx, SETS, g + l->mix);
  input_gradient(net->kernel, rows * 3, SETS, SETS, d->dx, SETS, net->t + lt->mix, du, SETS, 0);
  __builtin_memset(d->dxn, 0, sizeof(float) * rows * 48);
  for (int m = 0; m < t->molecules; m++)
    for (int i = 0; i < n; i++) {
      const long r = m * n + i;
      const float *xi = k->xn + r * 48, *ui = du + r * 48;
      float *dxi = d->dxn + r * 48, weight[16];
      for (int c = 0; c < 16; c++) {
        const float gate = k->g[r * 16 + c];
        weight[c] = gate;
        d->dy[r * wide + f + c] =
            (1.f - gate * gate) * (ui[c] * xi[c] + ui[16 + c] * xi[16 + c] + ui[32 + c] * xi[32 + c]);
      }
      for (int j = 0; j < n; j++) {
        const float *w = k->m + (r * n + j) * PAIR_OUT + PAIR + HEADS, *xj = k->xn + (long)(m * n + j) * 48;
        float *dw = d->dpair + (r * n + j) * PAIR_OUT + PAIR + HEADS, *dxj = d->dxn + (long)(m * n + j) * 48;
        for (int c = 0; c < 16; c++) {
          weight[c] += w[c];
          dw[c] =
              ui[c] * (xi[c] - xj[c]) + ui[16 + c] * (xi[16 + c] - xj[16 + c]) + ui[32 + c] * (xi[32 + c] - xj[32 + c]);
        }
        for (int a = 0; a < 48; a += 16)
          for (int c = 0; c < 16; c++) dxj[a + c] -= w[c] * ui[a + c];
      }
      for (int a = 0; a < 48; a += 16)
        for (int c = 0; c < 16; c++) dxi[a + c] += weight[c] * ui[a + c];
    }

  /* node network */
  for (int r = 0; r < rows; r++)
    for (int e = 0; e < f; e++) d->dy[r * wide + e] = d->dh[(long)r * f + e];
  for (long e = 0; e < (long)rows * hidden; e++) t->act[e] = silu_(k->up[e]);
  weight_gradient(net->kernel, rows, f + SETS, hidden, t->act, hidden, d->dy, wide, g + l->down_w);
  bias_gradient(rows, f + SETS, d->dy, wide, g + l->down_b);
  input_gradient(net->kernel, rows, f + SETS, hidden, d->dy, wide, net->t + lt->down, d->dup, hidden, 0);
  for (long e = 0; e < (long)rows * hidden; e++) d->dup[e] *= silu_slope(k->up[e]);
  weight_gradient(net->kernel, rows, hidden, f + SETS, k->hn2, wide, d->dup, hidden, g + l->up_w);
  bias_gradient(rows, hidden, d->dup, hidden, g + l->up_b);
  input_gradient(net->kernel, rows, hidden, f + SETS, d->dup, hidden, net->t + lt->up, d->dhn, wide, 0);
  for (int r = 0; r < rows; r++)
    for (int c = 0; c < 16; c++) d->dq[r * 16 + c] = d->dhn[r * wide + f + c]; /* of the norms, so far */
  layer_norm_backward(rows, f, k->hn2, k->rstd2, d->dhn, wide, d->dh);

  /* attention and messages */
  weight_gradient(net->kernel, rows, f, f + PAIR, k->mixed, f + PAIR, d->dh, f, g + l->out_w);
  bias_gradient(rows, f, d->dh, f, g + l->out_b);
  input_gradient(net->kernel, rows, f, f + PAIR, d->dh, f, net->t + lt->out, d->dmixed, f + PAIR, 0);
  attention_backward(t, f, k, d->dmixed, d->dpair, d->dqkv);
  for (int r = 0; r < rows; r++)
    for (int j = 0; j < n; j++) {
      const long pair = (long)r * n + j;
      float *dp = d->dpair + pair * PAIR_OUT, *dc = dp + PAIR + HEADS, *ds = d->dshapes + pair * SHAPES;
      const float *o = k->m + pair * PAIR_OUT, *c = o + PAIR + HEADS, *s = k->shapes + pair * SHAPES,
                  *dm = d->dmixed + r * (long)(f + PAIR) + f;
      if (j == r % n) {
        for (int e = 0; e < PAIR; e++) dp[e] = 0.f;
        for (int e = 0; e < SETS; e++) dc[e] = ds[e] = 0.f;
        continue;
      }
      for (int e = 0; e < PAIR; e++) dp[e] = dm[e] * (1.f / 3.f) * silu_slope(o[e]);
      for (int e = 0; e < SETS; e++) {
        const float inverse = 1.f / (1.f + s[e]);
        ds[e] = -dc[e] * c[e] * inverse;
        dc[e] *= inverse * (1.f / 3.f);
      }
    }

  /* pair network */
  for (long e = 0; e < (long)pairs * PAIR; e++) t->hid[e] = silu_(k->pre[e]);
  weight_gradient(net->kernel, pairs, PAIR_OUT, PAIR, t->hid, PAIR, d->dpair, PAIR_OUT, g + l->pair_w);
  bias_gradient(pairs, PAIR_OUT, d->dpair, PAIR_OUT, g + l->pair_b);
  input_gradient(net->kernel, pairs, PAIR_OUT, PAIR, d->dpair, PAIR_OUT, net->t + lt->pair, d->dhid, PAIR, 0);
  for (long e = 0; e < (long)pairs * PAIR; e++) d->dhid[e] *= silu_slope(k->pre[e]);
  if (d->dz) radial_gradient(pairs, R, d->dhid, net->p + l->radial_w, d->dradial);
  weight_gradient(net->kernel, pairs, PAIR, R, t->radial, LANES, d->dhid, PAIR, g + l->radial_w);
  weight_gradient(net->kernel, pairs, PAIR, SHAPES, k->shapes, SHAPES, d->dhid, PAIR, g + l->radial_w + (long)R * PAIR);
  if (net->s.estimates)
    see_estimate_backward(net, t, k->xn, k->scale, k->estimate, k->estimated, net->t + lt->estimate, g + l->estimate_w,
                          d, g);
  for (int r = 0; r < rows; r++) /* the distances' part through c is already there, on the first 16 lanes */
    for (int j = 0; j < n; j++)
      for (int e = SETS; e < SHAPES; e++) d->dshapes[((long)r * n + j) * SHAPES + e] = 0.f;
  input_gradient(net->kernel, pairs, PAIR, SHAPES, d->dhid, PAIR, net->t + lt->radial, d->dshapes, SHAPES, 1);
  __builtin_memset(d->dab, 0, sizeof(float) * rows * 2 * PAIR);
  for (int m = 0; m < t->molecules; m++)
    for (int i = 0; i < n; i++)
      for (int j = 0; j < n; j++) {
        const float *s = d->dhid + ((long)(m * n + i) * n + j) * PAIR;
        float *a = d->dab + (long)(m * n + i) * 2 * PAIR, *c = d->dab + (long)(m * n + j) * 2 * PAIR + PAIR;
        for (int e = 0; e < PAIR; e++) a[e] += s[e];
        for (int e = 0; e < PAIR; e++) c[e] += s[e];
      }
  weight_gradient(net->kernel, rows, 2 * PAIR, f + SETS, k->hn, wide, d->dab, 2 * PAIR, g + l->edge_w);
  bias_gradient(rows, 2 * PAIR, d->dab, 2 * PAIR, g + l->edge_b);
  input_gradient(net->kernel, rows, 2 * PAIR, f + SETS, d->dab, 2 * PAIR, net->t + lt->edge, d->dhn, wide, 0);
  for (int part = 0; part < 3; part++) {
    const float *dpart = d->dqkv + (long)part * rows * f;
    weight_gradient(net->kernel, rows, f, f, k->hn, wide, dpart, f, g + l->qkv_w + (long)part * f * f);
    bias_gradient(rows, f, dpart, f, g + l->qkv_b + part * f);
    input_gradient(net->kernel, rows, f, f, dpart, f, net->t + lt->qkv + (long)part * f * f, d->dhn, wide, 1);
  }
  layer_norm_backward(rows, f, k->hn, k->rstd1, d->dhn, wide, d->dh);
  for (int r = 0; r < rows; r++)
    for (int c = 0; c < 16; c++)
      d->dq[r * 16 + c] = (d->dq[r * 16 + c] + d->dhn[r * wide + f + c]) / (2.f * k->hn[r * wide + f + c]);
  geometry_backward(t->molecules, n, k->xn, k->scale, k->q, k->shapes, d->dshapes, SHAPES, d->dxn, d->dq, d->dx);
}

/*
 * From the gradients of a tile's outputs to those of all parameters, in `g`, and of the input where d->dz is there. Asks for d->dup: of
 * the logits [rows, lanes]; d->dpair: of the bond logits [pairs, 16]; d->dx: of the last sets.
 */
static void network_backward(const Net *net, Tile *t, const float *z, const float *times, Gradient *d, float *g) {
  const Sizes *s = &net->s;
  const int f = s->f, V = s->vectors, K = s->scalars, n = t->n, rows = t->rows, pairs = t->pairs, width = 3 * V + K;
  const long length = (long)n * width + (long)n * n * s->pairs, lanes = s->lanes;
  float *dlogits = d->dup, *dbonds = d->dpair, *dn = d->dab;
  /* heads */
  weight_gradient(net->kernel, rows, s->lanes, f, t->hl, f, dlogits, lanes, d->scalars_w);
  bias_gradient(rows, s->lanes, dlogits, lanes, d->scalars_b);
  input_gradient(net->kernel, rows, s->lanes, f, dlogits, lanes, net->t + net->lt.scalars, d->dhn, f, 0);
  for (long e = 0; e < (long)pairs * PAIR; e++) t->hid[e] = silu_(t->pre_end[e]);
  weight_gradient(net->kernel, pairs, LANES, PAIR, t->hid, PAIR, dbonds, LANES, d->bonds_out_w);
  bias_gradient(pairs, LANES, dbonds, LANES, d->bonds_out_b);
  input_gradient(net->kernel, pairs, LANES, PAIR, dbonds, LANES, net->t + net->lt.bonds_out, d->dhid, PAIR, 0);
  for (long e = 0; e < (long)pairs * PAIR; e++) d->dhid[e] *= silu_slope(t->pre_end[e]);
  if (d->dz) {
    __builtin_memset(d->dradial, 0, sizeof(float) * pairs * LANES);
    radial_gradient(pairs, s->radial, d->dhid, net->p + net->l.bonds_pair_w, d->dradial);
  }
  weight_gradient(net->kernel, pairs, PAIR, s->radial, t->radial, LANES, d->dhid, PAIR, g + net->l.bonds_pair_w);
  weight_gradient(net->kernel, pairs, PAIR, SETS, t->shapes_end, SETS, d->dhid, PAIR,
                  g + net->l.bonds_pair_w + (long)s->radial * PAIR);
  bias_gradient(pairs, PAIR, d->dhid, PAIR, g + net->l.bonds_pair_b);
  if (s->estimates)
    see_estimate_backward(net, t, t->xn_end, t->scale_end, t->estimate_end, t->estimated_end,
                          net->t + net->lt.bonds_estimate, g + net->l.bonds_estimate_w, d, g);
  input_gradient(net->kernel, pairs, PAIR, SETS, d->dhid, PAIR, net->t + net->lt.bonds_pair, d->dshapes, SETS, 0);
  __builtin_memset(dn, 0, sizeof(float) * rows * PAIR);
  for (int m = 0; m < t->molecules; m++)
    for (int i = 0; i < n; i++)
      for (int j = 0; j < n; j++) {
        const float *e = d->dhid + ((long)(m * n + i) * n + j) * PAIR;
        float *a = dn + (long)(m * n + i) * PAIR, *c = dn + (long)(m * n + j) * PAIR;
        for (int k = 0; k < PAIR; k++) a[k] += e[k];
        for (int k = 0; k < PAIR; k++) c[k] += e[k];
      }
  weight_gradient(net->kernel, rows, PAIR, f, t->hl, f, dn, PAIR, g + net->l.bonds_node_w);
  bias_gradient(rows, PAIR, dn, PAIR, g + net->l.bonds_node_b);
  input_gradient(net->kernel, rows, PAIR, f, dn, PAIR, net->t + net->lt.bonds_node, d->dhn, f, 1);
  __builtin_memset(d->dh, 0, sizeof(float) * rows * f);
  layer_norm_backward(rows, f, t->hl, t->rstd_end, d->dhn, f, d->dh);
  __builtin_memset(d->dxn, 0, sizeof(float) * rows * 48);
  __builtin_memset(d->dq, 0, sizeof(float) * rows * 16);
  geometry_backward(t->molecules, n, t->xn_end, t->scale_end, t->q_end, t->shapes_end, d->dshapes, SETS, d->dxn, d->dq,
                    d->dx);

  for (int b = s->blocks - 1; b >= 0; b--) block_backward(net, b, t, d, g);

  /* input layer */
  const int T = s->times, input = K + T;
  float *in = t->act;
  for (int r = 0; r < rows; r++) {
    const float *node = z + r / n * length + r % n * width, *time = times + r / n * T;
    for (int k = 0; k < K; k++) in[r * input + k] = node[3 * V + k];
    for (int k = 0; k < T; k++) in[r * input + K + k] = time[k];
    for (int v = 0; v < V; v++)
      for (int a = 0; a < 3; a++)
        for (int c = 0; c < 16; c++) g[net->l.sets_in + v * 16 + c] += node[3 * v + a] * d->dx[r * 48 + a * 16 + c];
  }
  weight_gradient(net->kernel, rows, f, input, in, input, d->dh, f, g + net->l.input_w);
  bias_gradient(rows, f, d->dh, f, g + net->l.input_b);
  if (d->dz) input_backward(net, t, z, d);
}

#endif
