/*
 * What happens between the matrix products: to nodes, and to pairs. Every pair tensor is [i, j, lane] with 16 lanes (heads or
 * coordinate sets) or 32 (pair channels) innermost, so that each inner loop is one or two vector operations and a molecule's
 * pairs stay in cache.
 */
#ifndef MOLSTEP_PAIRS_H
#define MOLSTEP_PAIRS_H
#include "radial.h"
#include "state.h"

/* LN without affine part: out[row, 0..f) (row length out_row). f is a multiple of WIDE. */
static void layer_norm(int rows, int f, const float *h, float *out, long out_row, float *rstd) {
  for (int r = 0; r < rows; r++) {
    const float *a = h + (long)r * f;
    float *o = out + r * out_row;
    vector sum[WIDE_VECTORS] = {{0}}, square[WIDE_VECTORS] = {{0}};
    for (int k = 0; k < f; k += WIDE) EACH sum[v] += part(a + k, v);
    const float mean = lanes(sum) / f;
    for (int k = 0; k < f; k += WIDE) EACH {
        const vector d = part(a + k, v) - mean;
        square[v] = FMA(d, d, square[v]);
      }
    const float scale = rstd[r] = 1.f / __builtin_sqrtf(lanes(square) / f + 1e-5f);
    for (int k = 0; k < f; k += WIDE) EACH put(o + k, v, (part(a + k, v) - mean) * scale);
  }
}

/* Lengths of the sets, from their squares q [rows, 16], into both. */
static void norms(int rows, const float *restrict q, float *restrict first, float *restrict second, long row) {
  for (int r = 0; r < rows; r++)
    for (int c = 0; c < SETS; c++) first[r * row + c] = second[r * row + c] = __builtin_sqrtf(q[r * SETS + c] + 1e-4f);
}

/* h [rows, f] += bias */
static void add_bias(int rows, int f, const float *bias, float *h) {
  for (int r = 0; r < rows; r++, h += f)
    for (int k = 0; k < f; k += WIDE) EACH put(h + k, v, part(h + k, v) + part(bias + k, v));
}

/* The node network's output y [rows, f + 16]: h [rows, f] += its first f, g [rows, 16] = tanh of the others. */
static void add_update(int rows, int f, const float *y, float *h, float *g) {
  for (int r = 0; r < rows; r++, h += f, y += f + SETS, g += SETS) {
    for (int k = 0; k < f; k += WIDE) EACH put(h + k, v, part(h + k, v) + part(y + k, v));
    tanh_all(SETS, y + f, g);
  }
}

/* Normalised sets, their squared norms, distances and (where asked) cosines of all pairs. */
static void geometry(int molecules, int n, const float *restrict x, float *restrict xn, float *restrict scale,
                     float *restrict q, float *restrict shapes, int width) {
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
      for (int j = 0; j <= i; j++) { /* (j, i) is the same */
        float *out = shapes + ((long)(m * n + i) * n + j) * width,
              *mirrored = shapes + ((long)(m * n + j) * n + i) * width;
        const float *a = y + i * 48, *b = y + j * 48, *qi = qm + i * 16, *qj = qm + j * 16;
        for (int c = 0; c < 16; c++) {
          float dot = a[c] * b[c] + a[16 + c] * b[16 + c] + a[32 + c] * b[32 + c];
          float d2 = qi[c] + qj[c] - 2.f * dot;
          d2 = i == j || d2 < 0.f ? 0.f : d2;
          out[c] = __builtin_sqrtf(d2 + 1e-4f);
          if (width == SHAPES) out[16 + c] = dot / (1.f + qi[c] + qj[c]);
        }
        if (i != j) __builtin_memcpy(mirrored, out, width * sizeof(float));
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
        RADIAL_FUNCTIONS(a, b, o);
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

/* Shares over n rows of HEADS logits, PAIR_OUT apart, in place. */
static void softmax_rows(int n, float *row) {
  vector most[WIDE_VECTORS], sum[WIDE_VECTORS] = {{0}};
  EACH most[v] = part(row, v);
  for (int j = 1; j < n; j++) EACH most[v] = larger(most[v], part(row + j * PAIR_OUT, v));
  for (int j = 0; j < n; j++) {
    float *a = row + j * PAIR_OUT;
    vector value[WIDE_VECTORS];
    EACH value[v] = part(a, v);
    exp_difference(value, most);
    EACH put(a, v, value[v]), sum[v] += value[v];
  }
  EACH sum[v] = 1.f / sum[v];
  for (int j = 0; j < n; j++) EACH put(row + j * PAIR_OUT, v, part(row + j * PAIR_OUT, v) * sum[v]);
}

static void attention(const Tile *t, int f, const float *restrict qkv, float *restrict pair_out,
                      float *restrict mixed) {
  const int n = t->n, d = f / HEADS;
  const long plane = (long)t->rows * f, out_row = f + PAIR;
  const float inverse = 1.f / __builtin_sqrtf((float)d);
  for (int m = 0; m < t->molecules; m++) {
    const float *q = qkv + (long)m * n * f, *k = q + plane, *value = k + plane;
    float *w = pair_out + (long)m * n * n * PAIR_OUT + PAIR, *o = mixed + (long)m * n * out_row;
    for (int c = 0; c < HEADS; c += VECTOR_FLOATS)
      lane_product(
          &(LaneProduct){n, n, d, q + c, f, HEADS, k + c, f, HEADS, w + c, n * PAIR_OUT, PAIR_OUT, inverse, 1});
    for (int i = 0; i < n; i++) softmax_rows(n, w + (long)i * n * PAIR_OUT);
    for (int c = 0; c < HEADS; c += VECTOR_FLOATS)
      lane_product(
          &(LaneProduct){n, d, n, w + c, n * PAIR_OUT, PAIR_OUT, value + c, HEADS, f, o + c, out_row, HEADS, 1.f, 0});
  }
}

/* out [pairs, 32] = a_i + c_j, and a bias where there is one; rows of a and c are `row` apart. */
static void pair_sums(const Tile *t, const float *a, const float *c, long row, const float *bias, float *out) {
  const int n = t->n;
  for (int m = 0; m < t->molecules; m++)
    for (int i = 0; i < n; i++) {
      const float *ai = a + (m * n + i) * row, *cj = c + m * n * row;
      vector first[WIDE_VECTORS], second[WIDE_VECTORS];
      EACH first[v] = part(ai, v), second[v] = part(ai + WIDE, v);
      if (bias) EACH first[v] += part(bias, v), second[v] += part(bias + WIDE, v);
      for (int j = 0; j < n; j++, out += PAIR, cj += row) {
        EACH put(out, v, first[v] + part(cj, v));
        EACH put(out + WIDE, v, second[v] + part(cj + WIDE, v));
      }
    }
}

/* The pair network's outputs m [pairs, 64]: sums of messages go into the end of `mixed`, coordinate weights are divided by distances. */
static void messages(const Tile *t, int f, const float *restrict shapes, float *restrict m, float *restrict mixed) {
  const int n = t->n;
  for (int r = 0; r < t->rows; r++) {
    float sum[PAIR] = {0}, message[PAIR];
    const int i = r % n;
    for (int j = 0; j < n; j++) {
      float *o = m + ((long)r * n + j) * PAIR_OUT, *c = o + PAIR + HEADS;
      const float *d = shapes + ((long)r * n + j) * SHAPES;
      if (i == j) {
        for (int e = 0; e < SETS; e++) c[e] = 0.f;
        continue;
      }
      silu_all(PAIR, o, message);
      for (int e = 0; e < PAIR; e++) sum[e] += message[e];
      for (int e = 0; e < SETS; e++) c[e] = c[e] / (3.f * (1.f + d[e]));
    }
    for (int e = 0; e < PAIR; e++) mixed[r * (long)(f + PAIR) + f + e] = sum[e] * (1.f / 3.f);
  }
}

/* u: how the sets move before they are mixed, by the gates g and the coordinate weights in m. */
static void move_sets(const Tile *t, const Saved *k) {
  const int n = t->n;
  for (int m = 0; m < t->molecules; m++)
    for (int i = 0; i < n; i++) {
      const long r = m * n + i;
      EACH { /* these lanes of all j: few sums, which stay in registers */
        const float *w = k->m + r * n * PAIR_OUT + PAIR + HEADS, *xj = k->xn + (long)m * n * 48, *xi = k->xn + r * 48;
        vector weight = part(k->g + r * 16, v), sum[3] = {{0}};
        for (int j = 0; j < n; j++, w += PAIR_OUT, xj += 48) {
          const vector now = part(w, v);
          weight += now;
          for (int a = 0; a < 3; a++) sum[a] = FMA(now, part(xj + 16 * a, v), sum[a]);
        }
        for (int a = 0; a < 3; a++) put(k->u + r * 48 + 16 * a, v, weight * part(xi + 16 * a, v) - sum[a]);
      }
    }
}

#endif
