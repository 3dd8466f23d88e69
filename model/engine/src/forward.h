/*
 * The forward pass for a tile of molecules of one size. Every pair tensor is [i, j, lane] with 16 lanes (heads or coordinate
 * sets) or 32 (pair channels) innermost, so that each inner loop is one or two vector operations and a molecule's pairs stay in cache.
 * The mathematics is told in docs/denoiser.md.
 */
#ifndef MOLSTEP_FORWARD_H
#define MOLSTEP_FORWARD_H
#include "gemm.h"
#include "layout.h"

/* What one block keeps for its backward pass; in inference all blocks share one. */
typedef struct {
  float *hn, *rstd1;   /* [rows, f+16] LN(h) and set norms; [rows] */
  float *xn, *scale;   /* [rows, 3, 16] normalised sets; [molecules, 16] 1/rms */
  float *q;            /* [rows, 16] squared norms of the sets */
  float *shapes;       /* [pairs, 32] distances, cosines */
  float *pre;          /* [pairs, 32] before the first silu */
  float *m;            /* [pairs, 64] message before its silu | attention | coordinate weight */
  float *qkv;          /* [3, rows, f] */
  float *mixed;        /* [rows, f+32] attention's output and summed messages */
  float *hn2, *rstd2;  /* [rows, f+16]; [rows] */
  float *up;           /* [rows, 3f] before its silu */
  float *g;            /* [rows, 16] tanh gate */
  float *u;            /* [rows, 3, 16] update of the sets before mixing */
} Saved;

typedef struct {
  Sizes s;
  Layout l;
  Transposed lt;
  Padded padded;
  float *p, *t; /* parameters; transposes */
} Net;

typedef struct {
  int molecules, n, rows, pairs;
  float *h, *x, *radial;       /* [rows, f], [rows, 3, 16], [pairs, 16]: r0 and its pad */
  float *hid, *act, *ab, *wide; /* scratch: [pairs, 64], [rows, 3f], [rows, 64], [rows, f+32] */
  float *shapes_end, *hl, *rstd_end, *xn_end, *scale_end, *q_end, *node_end, *pre_end; /* the end's own */
  float *logits, *bond_logits, *o;                                                    /* [rows,16], [pairs,16], [rows,V,3] */
  Saved saved[BLOCKS_MAX];
} Tile;

/* LN without affine part: out[row, 0..f) (row length out_row) */
static void layer_norm(int rows, int f, const float *restrict h, float *restrict out, long out_row, float *restrict rstd) {
  for (int r = 0; r < rows; r++) {
    const float *a = h + (long)r * f;
    float *o = out + r * out_row, mean = 0, square = 0;
    for (int k = 0; k < f; k++) mean += a[k];
    mean /= f;
    for (int k = 0; k < f; k++) { float d = a[k] - mean; square += d * d; }
    float s = 1.f / __builtin_sqrtf(square / f + 1e-5f);
    rstd[r] = s;
    for (int k = 0; k < f; k++) o[k] = (a[k] - mean) * s;
  }
}

/* Normalised sets, their squared norms, distances and (where asked) cosines of all pairs. */
static void geometry(int molecules, int n, const float *restrict x, float *restrict xn, float *restrict scale, float *restrict q,
                     float *restrict shapes, int width) {
  for (int m = 0; m < molecules; m++) {
    const float *xm = x + (long)m * n * 48;
    float *y = xn + (long)m * n * 48, *qm = q + (long)m * n * 16, *sc = scale + m * 16, sum[16] = {0};
    for (int i = 0; i < n * 3; i++)
      for (int c = 0; c < 16; c++) sum[c] += xm[i * 16 + c] * xm[i * 16 + c];
    for (int c = 0; c < 16; c++) sc[c] = 1.f / __builtin_sqrtf(sum[c] / n + 1e-2f);
    for (int i = 0; i < n * 3; i++)
      for (int c = 0; c < 16; c++) y[i * 16 + c] = xm[i * 16 + c] * sc[c];
    for (int i = 0; i < n; i++)
      for (int c = 0; c < 16; c++) {
        const float *a = y + i * 48 + c;
        qm[i * 16 + c] = a[0] * a[0] + a[16] * a[16] + a[32] * a[32];
      }
    for (int i = 0; i < n; i++)
      for (int j = 0; j < n; j++) {
        float *out = shapes + ((long)(m * n + i) * n + j) * width;
        const float *a = y + i * 48, *b = y + j * 48, *qi = qm + i * 16, *qj = qm + j * 16;
        for (int c = 0; c < 16; c++) {
          float dot = a[c] * b[c] + a[16 + c] * b[16 + c] + a[32 + c] * b[32 + c];
          float d2 = qi[c] + qj[c] - 2.f * dot;
          d2 = i == j || d2 < 0.f ? 0.f : d2;
          out[c] = __builtin_sqrtf(d2 + 1e-4f);
          if (width == SHAPES) out[16 + c] = dot / (1.f + qi[c] + qj[c]);
        }
      }
  }
}

/* r0 [pairs, 16]: distances of the noisy input by eight functions, then its pair features, then zeros. */
static void radial_features(const Sizes *s, int molecules, int n, const float *z, long length, float *restrict out) {
  const int width = 3 * s->vectors + s->scalars, P = s->pairs;
  for (int m = 0; m < molecules; m++)
    for (int i = 0; i < n; i++)
      for (int j = 0; j < n; j++) {
        const float *a = z + m * length + i * width, *b = z + m * length + j * width;
        const float *e = z + m * length + n * width + (i * n + j) * P;
        float *o = out + ((long)(m * n + i) * n + j) * LANES;
        float dx = a[0] - b[0], dy = a[1] - b[1], dz = a[2] - b[2];
        float d2 = (dx * dx + dy * dy + dz * dz) * 2.56f, d = __builtin_sqrtf(d2 + 1e-6f);
        float arg[8] = {0.f, -(d - 1.2f) * (d - 1.2f) * 50.f, -(d - 1.34f) * (d - 1.34f) * 50.f, -(d - 1.5f) * (d - 1.5f) * 50.f,
                        -(d - 2.4f) * (d - 2.4f) * 5.f, -(d - 3.f) * (d - 3.f) * 2.f, -0.5f * d, 0.f};
        for (int k = 0; k < 8; k++) o[k] = exp_(arg[k]);
        o[0] = 0.3f * d, o[7] = 1.f / (1.f + d2);
        for (int k = 0; k < LANES - DISTANCES; k++) o[8 + k] = k < P ? e[k] : 0.f;
      }
}

/*
 * Matrix products lane by lane: out[i][j] = scale sum over e of a[i][e] b[j][e], each element one vector of lanes; added where `adds`.
 * Tiles of three by three stay in registers, so that a loaded vector is used as often.
 */
typedef struct {
  int rows, columns, depth;
  const float *a;
  long a_row, a_step;
  const float *b;
  long b_row, b_step;
  float *out;
  long out_row, out_column;
  float scale;
  int adds;
} LaneProduct;
enum { LANE_TILE = 3 };

INLINE void lane_tile(const int rows, const int columns, const LaneProduct *g, int i, int j) {
  vector acc[LANE_TILE][LANE_TILE];
  const float *a = g->a + i * g->a_row, *b = g->b + j * g->b_row;
  for (int r = 0; r < rows; r++)
    for (int q = 0; q < columns; q++) acc[r][q] = (vector){0};
  for (int e = 0; e < g->depth; e++, a += g->a_step, b += g->b_step) {
    vector y[LANE_TILE];
    for (int q = 0; q < columns; q++) y[q] = *(const vector *)(b + q * g->b_row);
    for (int r = 0; r < rows; r++) {
      const vector x = *(const vector *)(a + r * g->a_row);
      for (int q = 0; q < columns; q++) acc[r][q] = FMA(x, y[q], acc[r][q]);
    }
  }
  for (int r = 0; r < rows; r++)
    for (int q = 0; q < columns; q++) {
      vector *out = (vector *)(g->out + (i + r) * g->out_row + (j + q) * g->out_column);
      *out = g->adds ? *out + acc[r][q] * g->scale : acc[r][q] * g->scale;
    }
}

static void lane_product(const LaneProduct *g) {
  for (int i = 0; i < g->rows; i += LANE_TILE)
    for (int j = 0; j < g->columns; j += LANE_TILE) {
      const int rows = g->rows - i, columns = g->columns - j;
      if (rows >= LANE_TILE && columns >= LANE_TILE) lane_tile(LANE_TILE, LANE_TILE, g, i, j);
      else
        for (int r = 0; r < rows && r < LANE_TILE; r++)
          for (int q = 0; q < columns && q < LANE_TILE; q++) lane_tile(1, 1, g, i + r, j + q);
    }
}

static void attention(const Tile *t, int f, const float *restrict qkv, float *restrict pair_out, float *restrict mixed) {
  const int n = t->n, d = f / HEADS;
  const long plane = (long)t->rows * f, out_row = f + PAIR;
  const float inverse = 1.f / __builtin_sqrtf((float)d);
  for (int m = 0; m < t->molecules; m++) {
    const float *q = qkv + (long)m * n * f, *k = q + plane, *value = k + plane;
    float *w = pair_out + (long)m * n * n * PAIR_OUT + PAIR, *o = mixed + (long)m * n * out_row;
    for (int c = 0; c < HEADS; c += VECTOR_FLOATS)
      lane_product(&(LaneProduct){n, n, d, q + c, f, HEADS, k + c, f, HEADS, w + c, n * PAIR_OUT, PAIR_OUT, inverse, 1});
    for (int i = 0; i < n; i++) {
      float *row = w + (long)i * n * PAIR_OUT, max[HEADS], sum[HEADS] = {0};
      for (int c = 0; c < HEADS; c++) max[c] = row[c];
      for (int j = 1; j < n; j++)
        for (int c = 0; c < HEADS; c++) max[c] = row[j * PAIR_OUT + c] > max[c] ? row[j * PAIR_OUT + c] : max[c];
      for (int j = 0; j < n; j++) {
        float *a = row + j * PAIR_OUT;
        exp_difference(a, max);
        for (int c = 0; c < HEADS; c++) sum[c] += a[c];
      }
      for (int c = 0; c < HEADS; c++) sum[c] = 1.f / sum[c];
      for (int j = 0; j < n; j++)
        for (int c = 0; c < HEADS; c++) row[j * PAIR_OUT + c] *= sum[c];
    }
    for (int c = 0; c < HEADS; c += VECTOR_FLOATS)
      lane_product(&(LaneProduct){n, d, n, w + c, n * PAIR_OUT, PAIR_OUT, value + c, HEADS, f, o + c, out_row, HEADS, 1.f, 0});
  }
}

static void block_forward(const Net *net, int b, Tile *t, const Saved *k) {
  const int f = net->s.f, R = net->s.radial, hidden = net->s.hidden, n = t->n, rows = t->rows, pairs = t->pairs;
  const BlockLayout *l = &net->l.block[b];
  const float *p = net->p;
  const long wide = f + SETS;
  layer_norm(rows, f, t->h, k->hn, wide, k->rstd1);
  geometry(t->molecules, n, t->x, k->xn, k->scale, k->q, k->shapes, SHAPES);
  for (int r = 0; r < rows; r++)
    for (int c = 0; c < 16; c++) k->hn[r * wide + f + c] = k->hn2[r * wide + f + c] = __builtin_sqrtf(k->q[r * 16 + c] + 1e-4f);

  /* pair network */
  linear(rows, 2 * PAIR, f + SETS, k->hn, wide, p + l->edge_w, p + l->edge_b, t->ab, 2 * PAIR);
  for (int m = 0; m < t->molecules; m++)
    for (int i = 0; i < n; i++)
      for (int j = 0; j < n; j++) {
        const float *a = t->ab + (long)(m * n + i) * 2 * PAIR, *c = t->ab + (long)(m * n + j) * 2 * PAIR + PAIR;
        float *o = k->pre + ((long)(m * n + i) * n + j) * PAIR;
        for (int e = 0; e < PAIR; e++) o[e] = a[e] + c[e];
      }
  linear_add(pairs, PAIR, R, t->radial, LANES, p + l->radial_w, k->pre, PAIR);
  linear_add(pairs, PAIR, SHAPES, k->shapes, SHAPES, p + l->radial_w + (long)R * PAIR, k->pre, PAIR);
  silu_all((long)pairs * PAIR, k->pre, t->hid);
  linear(pairs, PAIR_OUT, PAIR, t->hid, PAIR, p + l->pair_w, p + l->pair_b, k->m, PAIR_OUT);

  /* messages and coordinate weights */
  for (int r = 0; r < rows; r++) {
    float sum[PAIR] = {0}, message[PAIR];
    const int i = r % n;
    for (int j = 0; j < n; j++) {
      float *o = k->m + ((long)r * n + j) * PAIR_OUT, *c = o + PAIR + HEADS;
      const float *d = k->shapes + ((long)r * n + j) * SHAPES;
      if (i == j) {
        for (int e = 0; e < SETS; e++) c[e] = 0.f;
        continue;
      }
      silu_all(PAIR, o, message);
      for (int e = 0; e < PAIR; e++) sum[e] += message[e];
      for (int e = 0; e < SETS; e++) c[e] = c[e] / (3.f * (1.f + d[e]));
    }
    for (int e = 0; e < PAIR; e++) k->mixed[r * (long)(f + PAIR) + f + e] = sum[e] * (1.f / 3.f);
  }

  /* attention */
  for (int part = 0; part < 3; part++)
    linear(rows, f, f, k->hn, wide, p + l->qkv_w + (long)part * f * f, p + l->qkv_b + part * f, k->qkv + (long)part * rows * f, f);
  attention(t, f, k->qkv, k->m, k->mixed);
  for (int r = 0; r < rows; r++)
    for (int e = 0; e < f; e++) t->h[(long)r * f + e] += p[l->out_b + e];
  linear_add(rows, f, f + PAIR, k->mixed, f + PAIR, p + l->out_w, t->h, f);

  /* node network: t->act holds silu(up), t->wide its output */
  layer_norm(rows, f, t->h, k->hn2, wide, k->rstd2);
  linear(rows, hidden, f + SETS, k->hn2, wide, p + l->up_w, p + l->up_b, k->up, hidden);
  silu_all((long)rows * hidden, k->up, t->act);
  float *y = t->wide;
  linear(rows, f + SETS, hidden, t->act, hidden, p + l->down_w, p + l->down_b, y, wide);
  for (int r = 0; r < rows; r++) {
    for (int e = 0; e < f; e++) t->h[(long)r * f + e] += y[r * wide + e];
    for (int c = 0; c < 16; c++) k->g[r * 16 + c] = tanh_(y[r * wide + f + c]);
  }

  /* coordinate sets */
  for (int m = 0; m < t->molecules; m++)
    for (int i = 0; i < n; i++) {
      const long r = m * n + i;
      const float *xi = k->xn + r * 48;
      float *u = k->u + r * 48, weight[16], sum[48] = {0};
      for (int c = 0; c < 16; c++) weight[c] = k->g[r * 16 + c];
      for (int j = 0; j < n; j++) {
        const float *w = k->m + (r * n + j) * PAIR_OUT + PAIR + HEADS, *xj = k->xn + (long)(m * n + j) * 48;
        for (int c = 0; c < 16; c++) {
          weight[c] += w[c];
          sum[c] += w[c] * xj[c], sum[16 + c] += w[c] * xj[16 + c], sum[32 + c] += w[c] * xj[32 + c];
        }
      }
      for (int a = 0; a < 48; a += 16)
        for (int c = 0; c < 16; c++) u[a + c] = weight[c] * xi[a + c] - sum[a + c];
    }
  linear_add(rows * 3, SETS, SETS, k->u, SETS, p + l->mix, t->x, SETS);
}

/*
 * z [molecules, length], times [molecules, s->times] -> logits, bond logits and displacement O in the tile.
 */
static void forward(const Net *net, Tile *t, const float *z, const float *times) {
  const Sizes *s = &net->s;
  const int f = s->f, V = s->vectors, K = s->scalars, n = t->n, width = 3 * V + K, T = s->times, input = K + T;
  const long length = (long)n * width + (long)n * n * s->pairs;
  const float *p = net->p;
  float *in = t->act; /* [rows, K+T] */
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
  linear(t->rows, f, input, in, input, p + net->l.input_w, p + net->l.input_b, t->h, f);
  radial_features(s, t->molecules, n, z, length, t->radial);
  for (int b = 0; b < s->blocks; b++) block_forward(net, b, t, &t->saved[b]);

  layer_norm(t->rows, f, t->h, t->hl, f, t->rstd_end);
  linear(t->rows, LANES, f, t->hl, f, net->padded.scalars_w, net->padded.scalars_b, t->logits, LANES);
  geometry(t->molecules, n, t->x, t->xn_end, t->scale_end, t->q_end, t->shapes_end, SETS);
  linear(t->rows, PAIR, f, t->hl, f, p + net->l.bonds_node_w, p + net->l.bonds_node_b, t->node_end, PAIR);
  for (int m = 0; m < t->molecules; m++)
    for (int i = 0; i < n; i++)
      for (int j = 0; j < n; j++) {
        const float *a = t->node_end + (long)(m * n + i) * PAIR, *c = t->node_end + (long)(m * n + j) * PAIR;
        float *o = t->pre_end + ((long)(m * n + i) * n + j) * PAIR;
        for (int e = 0; e < PAIR; e++) o[e] = a[e] + c[e] + p[net->l.bonds_pair_b + e];
      }
  linear_add(t->pairs, PAIR, s->radial, t->radial, LANES, p + net->l.bonds_pair_w, t->pre_end, PAIR);
  linear_add(t->pairs, PAIR, SETS, t->shapes_end, SETS, p + net->l.bonds_pair_w + (long)s->radial * PAIR, t->pre_end, PAIR);
  silu_all((long)t->pairs * PAIR, t->pre_end, t->hid);
  linear(t->pairs, LANES, PAIR, t->hid, PAIR, net->padded.bonds_out_w, net->padded.bonds_out_b, t->bond_logits, LANES);
  for (int r = 0; r < t->rows; r++)
    for (int v = 0; v < V; v++)
      for (int a = 0; a < 3; a++) {
        float sum = 0;
        for (int c = 0; c < 16; c++) sum += t->x[r * 48 + a * 16 + c] * p[net->l.sets_out + c * V + v];
        t->o[(r * V + v) * 3 + a] = sum;
      }
}

#if defined(__wasm__)
/* Floats of scratch that pack_weights() needs: the largest weight. */
static long packing_scratch(const Sizes *s) {
  const long wide = s->f + PAIR, input = s->scalars + s->times;
  return (input > wide ? input : wide) * (s->hidden > s->f ? s->hidden : s->f);
}

/* Puts every weight that forward() multiplies by into panels, in place. */
static void pack_weights(Net *net, float *scratch) {
  const Sizes *s = &net->s;
  const int f = s->f, R = s->radial;
#define PACK(rows, columns, at) pack_panels_in_place(rows, columns, at, scratch)
  float *p = net->p;
  PACK(s->scalars + s->times, f, p + net->l.input_w);
  for (int b = 0; b < s->blocks; b++) {
    const BlockLayout *l = &net->l.block[b];
    for (int part = 0; part < 3; part++) PACK(f, f, p + l->qkv_w + (long)part * f * f);
    PACK(f + SETS, 2 * PAIR, p + l->edge_w);
    PACK(R, PAIR, p + l->radial_w), PACK(SHAPES, PAIR, p + l->radial_w + (long)R * PAIR);
    PACK(PAIR, PAIR_OUT, p + l->pair_w);
    PACK(f + PAIR, f, p + l->out_w), PACK(f + SETS, s->hidden, p + l->up_w), PACK(s->hidden, f + SETS, p + l->down_w);
    PACK(SETS, SETS, p + l->mix);
  }
  PACK(f, PAIR, p + net->l.bonds_node_w);
  PACK(R, PAIR, p + net->l.bonds_pair_w), PACK(SETS, PAIR, p + net->l.bonds_pair_w + (long)R * PAIR);
  PACK(f, LANES, net->padded.scalars_w), PACK(PAIR, LANES, net->padded.bonds_out_w);
#undef PACK
}
#endif

/* softmax of `count` logits; `out` may be `logits` */
INLINE void softmax(const float *logits, int count, float *out) {
  float max = logits[0], sum = 0;
  for (int k = 1; k < count; k++) max = logits[k] > max ? logits[k] : max;
  for (int k = 0; k < count; k++) sum += out[k] = exp_(logits[k] - max);
  for (int k = 0; k < count; k++) out[k] /= sum;
}

#define ONE_HOT 0.5f

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
      float *logits = t->logits + (long)(m * n + i) * LANES;
      for (int k = 0; k < 3 * V; k++) om[i * width + k] = alpha[m] * zm[i * width + k] + sigma[m] * o[k];
      for (int a = 0; a < 3; a++) mean[a] += om[i * width + a];
      softmax(logits, K, logits);
      for (int k = 0; k < K; k++) om[i * width + 3 * V + k] = logits[k] * ONE_HOT;
    }
    for (int i = 0; i < n; i++)
      for (int a = 0; a < 3; a++) om[i * width + a] -= mean[a] / n;
    for (int i = 0; i < n; i++)
      for (int j = 0; j < n; j++) {
        float *logits = t->bond_logits + ((long)(m * n + i) * n + j) * LANES, *pair = om + n * width + (i * n + j) * P;
        softmax(logits, P, logits);
        for (int k = 0; k < P; k++) pair[k] = i == j ? 0.f : logits[k] * ONE_HOT;
      }
  }
}

#endif
