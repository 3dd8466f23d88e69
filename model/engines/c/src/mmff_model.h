/*
 * A model of MMFF94's Hessian, for minimisation to begin with (as Lindh et al., Chem. Phys. Lett. 241, 423, 1995, do for quantum chemistry): each term's
 * curvature along its own coordinate where that is positive, so that the whole is positive. Its Cholesky factor turns gradients into steps.
 */
#ifndef MOLSTEP_MMFF_MODEL_H
#define MOLSTEP_MMFF_MODEL_H
#include "mmff.h"

/* On the diagonal, kcal/mol/angstrom^2: what no term holds moves no further than this allows. Above so many atoms there is no model. */
static const double MMFF_SOFT = 3;
enum { MMFF_MODEL_ATOMS = 200 };

/* h += k q q', the lower half, of a coordinate's slopes q at some atoms. */
static void mmff_rank_one(double *h, int n, int atoms, const int *a, const Point *q, double k) {
  for (int i = 0; i < atoms; i++) {
    for (int j = 0; j < atoms; j++) {
      if (a[j] > a[i]) continue;
      double *block = h + 3l * a[i] * n + 3 * a[j];
      const double x = k * q[i].x, y = k * q[i].y, z = k * q[i].z;
      block[0] += x * q[j].x, block[1] += x * q[j].y, block[2] += x * q[j].z, block += n;
      block[0] += y * q[j].x, block[1] += y * q[j].y, block[2] += y * q[j].z, block += n;
      block[0] += z * q[j].x, block[1] += z * q[j].y, block[2] += z * q[j].z;
    }
  }
}

/* Slopes of a distance. */
static void mmff_model_distance(double *h, int n, const double *x, const int *a, double k) {
  const Point u = minus(at_atom(x, a[0]), at_atom(x, a[1])), unit = times(1 / __builtin_sqrt(dot(u, u) + 1e-16), u);
  mmff_rank_one(h, n, 2, a, (Point[]){unit, times(-1, unit)}, k);
}

static void mmff_model_angles(const MmffField *f, double *h, int n, const double *x) {
  for (int t = 0; t < f->count[MMFF_BENDS]; t++) {
    const int *a = f->index[MMFF_BENDS] + 3 * t;
    const MmffAngle angle = mmff_angle(x, a);
    const double by = -1 / (angle.sine > 0.2 ? angle.sine : 0.2), c = angle.cosine;
    const Point first = times(by / angle.u_length, minus(angle.v, times(c, angle.u)));
    const Point last = times(by / angle.v_length, minus(angle.u, times(c, angle.v)));
    const Point q[] = {first, times(-1, plus(first, last)), last};
    mmff_rank_one(h, n, 3, a, q, MMFF_MD * f->constant[MMFF_BENDS][6 * t + 1]);
  }
  for (int t = 0; t < f->count[MMFF_LINEARS]; t++) { /* 1 + cosine is half the square of both arms' sum */
    const int *a = f->index[MMFF_LINEARS] + 3 * t;
    const MmffAngle angle = mmff_angle(x, a);
    const Point axes[] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}};
    for (int axis = 0; axis < 3; axis++) {
      const Point e = axes[axis];
      const Point first = times(1 / angle.u_length, minus(e, times(dot(e, angle.u), angle.u)));
      const Point last = times(1 / angle.v_length, minus(e, times(dot(e, angle.v), angle.v)));
      const Point q[] = {first, times(-1, plus(first, last)), last};
      mmff_rank_one(h, n, 3, a, q, MMFF_MD * f->constant[MMFF_LINEARS][t]);
    }
  }
}

/* The volume of three bonds' unit vectors, of which all three angles out of plane are made. */
static void mmff_model_planes(const MmffField *f, double *h, int n, const double *x) {
  for (int t = 0; t < f->count[MMFF_PLANES]; t++) {
    const int *a = f->index[MMFF_PLANES] + 4 * t;
    Point u[3], q[4] = {{0, 0, 0}};
    double length[3];
    mmff_arms(x, a, u, length);
    for (int i = 0; i < 3; i++) {
      const Point across = cross(u[(i + 1) % 3], u[(i + 2) % 3]);
      q[1 + i] = times(1 / length[i], minus(across, times(dot(across, u[i]), u[i])));
      q[0] = minus(q[0], q[1 + i]);
    }
    const double k = MMFF_MD * f->constant[MMFF_PLANES][t];
    mmff_rank_one(h, n, 4, a, q, 4 * (k > 0 ? k : 0)); /* each sine of 120 degrees: 3 / (3 / 4) */
  }
}

static void mmff_model_torsions(const MmffField *f, double *h, int n, const double *x) {
  for (int t = 0; t < f->count[MMFF_TORSIONS]; t++) {
    const int *a = f->index[MMFF_TORSIONS] + 4 * t;
    const double *v = f->constant[MMFF_TORSIONS] + 3 * t;
    const Point j = at_atom(x, a[1]), k = at_atom(x, a[2]);
    const Point first = minus(at_atom(x, a[0]), j), axis = minus(j, k), last = minus(at_atom(x, a[3]), k);
    const Point m = cross(first, axis), l = cross(last, axis);
    const double mm = dot(m, m), ll = dot(l, l), aa = dot(axis, axis);
    if (mm < 0.05 || ll < 0.05 || aa < 0.05) continue;
    const double c = within(dot(m, l) / __builtin_sqrt(mm * ll), -1, 1), c2 = 2 * c * c - 1, c3 = c * (2 * c2 - 1);
    const double curvature = 0.5 * (-v[0] * c + 4 * v[1] * c2 - 9 * v[2] * c3);
    if (curvature <= 0) continue;
    const double length = __builtin_sqrt(aa);
    const Point by_m = times(1 / mm, m), by_l = times(1 / ll, l);
    const Point twist = times(1 / length, minus(times(dot(first, axis), by_m), times(dot(last, axis), by_l)));
    const Point q[] = {times(-length, by_m), plus(times(length, by_m), twist), minus(times(-length, by_l), twist),
                       times(length, by_l)};
    mmff_rank_one(h, n, 4, a, q, curvature);
  }
}

/* L L' = h, in place, the lower half. */
static void mmff_factor(double *h, int n) {
  for (int i = 0; i < n; i++) {
    double *row = h + (long)i * n;
    for (int j = 0; j <= i; j++) {
      const double *other = h + (long)j * n;
      double sum = row[j];
      for (int k = 0; k < j; k++) sum -= row[k] * other[k];
      if (j < i) row[j] = sum * other[j];
      else row[j] = 1 / __builtin_sqrt(sum > 1e-6 ? sum : 1e-6); /* the diagonal's reciprocal */
    }
  }
}

/* d <- h^-1 d of the factor. */
static void mmff_solve(const double *h, int n, double *d) {
  for (int i = 0; i < n; i++) {
    const double *row = h + (long)i * n;
    double sum = d[i];
    for (int k = 0; k < i; k++) sum -= row[k] * d[k];
    d[i] = sum * row[i];
  }
  for (int i = n - 1; i >= 0; i--) {
    const double *row = h + (long)i * n, value = d[i] * row[i];
    d[i] = value;
    for (int k = 0; k < i; k++) d[k] -= value * row[k];
  }
}

/* The factor [3 atoms, 3 atoms] of the model at x. */
static void mmff_model(const MmffField *f, double *h, const double *x) {
  const int n = 3 * f->atoms;
  __builtin_memset(h, 0, sizeof(double) * n * n);
  for (int k = 0; k < n; k++) h[(long)k * n + k] = MMFF_SOFT + (f->held ? f->hold : 0);
  for (int t = 0; t < f->count[MMFF_BONDS]; t++)
    mmff_model_distance(h, n, x, f->index[MMFF_BONDS] + 2 * t, MMFF_MD * f->constant[MMFF_BONDS][2 * t + 1]);
  mmff_model_angles(f, h, n, x);
  mmff_model_planes(f, h, n, x);
  mmff_model_torsions(f, h, n, x);
  for (int t = 0; t < f->count[MMFF_PAIRS]; t++) {
    const int *a = f->index[MMFF_PAIRS] + 2 * t;
    const double least = f->constant[MMFF_PAIRS][2 * t], depth = f->constant[MMFF_PAIRS][2 * t + 1];
    const Point u = minus(at_atom(x, a[0]), at_atom(x, a[1]));
    const double square = dot(u, u);
    if (square > least * least) continue;
    const double b = 1.07 / (__builtin_sqrt(square) / least + 0.07), b2 = b * b, b8 = b2 * b2 * b2 * b2;
    mmff_model_distance(h, n, x, a, 72 * depth / (least * least) * b8 * b8);
  }
  /* What stays is coupled to nothing, so that no step has a part of it. */
  for (int row = 0; row < n && f->frozen; row++)
    for (int k = 0; k < row && k < 3 * f->frozen; k++) h[(long)row * n + k] = 0;
  mmff_factor(h, n);
}

#endif
