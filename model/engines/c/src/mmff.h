/*
 * MMFF94 (Halgren, J. Comput. Chem. 17, 490 and 520, 1996), with charges or without: energy, kcal/mol, and its gradient, kcal/mol/angstrom, at positions in angstrom.
 * Terms come as numbers (chem/mmff94/force_field.ts): their atoms, and constants, kind by kind.
 */
#ifndef MOLSTEP_MMFF_H
#define MOLSTEP_MMFF_H
#include "mmff_math.h"

/* Kinds of terms; counts have the number of atoms before them. */
enum { MMFF_BONDS, MMFF_BENDS, MMFF_LINEARS, MMFF_PLANES, MMFF_TORSIONS, MMFF_PAIRS, MMFF_CHARGES, MMFF_TERMS };
enum { MMFF_COUNTS = 1 + MMFF_TERMS };
static const int mmff_atoms[MMFF_TERMS] = {2, 3, 3, 4, 4, 2, 0}, mmff_constants[MMFF_TERMS] = {2, 6, 1, 1, 3, 2, 1};

typedef struct {
  int atoms, count[MMFF_TERMS];
  const int *index[MMFF_TERMS];
  const double *constant[MMFF_TERMS];
  double *scratch;    /* [3, pairs] */
  const double *held; /* positions that atoms are held to, or 0 */
  double hold;        /* by so much, kcal/mol/angstrom^2 */
  int frozen;         /* the first so many atoms have no gradient, and so stay */
} MmffField;

/* md angstrom in kcal/mol; what is added to a distance between charges, angstrom */
static const double MMFF_MD = 143.9325, MMFF_BUFFER = 0.05;

/* Where a molecule's numbers lie; moves both places past them. */
static MmffField mmff_field(const int *counts, const int **indices, const double **constants) {
  MmffField f = {.atoms = counts[0]};
  for (int t = 0; t < MMFF_TERMS; t++) {
    f.count[t] = counts[1 + t], f.index[t] = *indices, f.constant[t] = *constants;
    *indices += (long)f.count[t] * mmff_atoms[t], *constants += (long)f.count[t] * mmff_constants[t];
  }
  return f;
}

/* Each adds to the gradient where there is one, and returns the energy. */
static double mmff_bonds(const MmffField *f, const double *x, double *g) {
  double energy = 0;
  for (int t = 0; t < f->count[MMFF_BONDS]; t++) {
    const int *a = f->index[MMFF_BONDS] + 2 * t;
    const double *c = f->constant[MMFF_BONDS] + 2 * t;
    const Point u = minus(at_atom(x, a[0]), at_atom(x, a[1]));
    const double r = __builtin_sqrt(dot(u, u) + 1e-16), d = r - c[0], k = MMFF_MD * c[1], cubic = -2, quartic = 7. / 3;
    energy += 0.5 * k * d * d * (1 + d * (cubic + d * quartic));
    if (!g) continue;
    const Point push = times(k * d * (1 + d * (1.5 * cubic + 2 * d * quartic)) / r, u);
    add_to(g, a[0], push), add_to(g, a[1], times(-1, push));
  }
  return energy;
}

/* An angle's arms from its centre: unit vectors, reciprocal lengths, and the angle's cosine and sine. */
typedef struct {
  Point u, v;
  double u_length, v_length, cosine, sine;
} MmffAngle;

static MmffAngle mmff_angle(const double *x, const int *a) {
  const Point centre = at_atom(x, a[1]), u = minus(at_atom(x, a[0]), centre), v = minus(at_atom(x, a[2]), centre);
  MmffAngle angle = {.u_length = __builtin_sqrt(dot(u, u) + 1e-16), .v_length = __builtin_sqrt(dot(v, v) + 1e-16)};
  angle.u = times(1 / angle.u_length, u), angle.v = times(1 / angle.v_length, v);
  angle.cosine = within(dot(angle.u, angle.v), -1, 1);
  const double square = 1 - angle.cosine * angle.cosine;
  angle.sine = __builtin_sqrt(square > 1e-16 ? square : 1e-16);
  return angle;
}

/* Adds the gradient of an energy that changes with the angle's cosine, and with the lengths of its arms. */
static void mmff_turn(const MmffAngle *angle, const int *a, double by_cosine, double by_u, double by_v, double *g) {
  const double cu = by_cosine / angle->u_length, cv = by_cosine / angle->v_length, c = angle->cosine;
  const Point first = plus(times(cu, angle->v), times(by_u - cu * c, angle->u));
  const Point last = plus(times(cv, angle->u), times(by_v - cv * c, angle->v));
  add_to(g, a[0], first), add_to(g, a[2], last), add_to(g, a[1], times(-1, plus(first, last)));
}

/* Angles, -0.4 / rad the cubic constant, and `stretches`: what they have with their bonds. */
static double mmff_bends(const MmffField *f, const double *x, double *g, double *stretches) {
  double energy = 0, coupled = 0;
  for (int t = 0; t < f->count[MMFF_BENDS]; t++) {
    const int *a = f->index[MMFF_BENDS] + 3 * t;
    const double *c = f->constant[MMFF_BENDS] + 6 * t, cubic = -0.006981317 * 57.29577951308232;
    const MmffAngle angle = mmff_angle(x, a);
    const double d = acos_(angle.cosine) - c[0], k = MMFF_MD * c[1];
    const double stretch = MMFF_MD * (c[4] * (angle.u_length - c[2]) + c[5] * (angle.v_length - c[3]));
    energy += 0.5 * k * d * d * (1 + cubic * d), coupled += stretch * d;
    if (!g) continue;
    const double by_angle = k * d * (1 + 1.5 * cubic * d) + stretch;
    mmff_turn(&angle, a, -by_angle / angle.sine, MMFF_MD * c[4] * d, MMFF_MD * c[5] * d, g);
  }
  *stretches = coupled;
  return energy;
}

static double mmff_linears(const MmffField *f, const double *x, double *g) {
  double energy = 0;
  for (int t = 0; t < f->count[MMFF_LINEARS]; t++) {
    const int *a = f->index[MMFF_LINEARS] + 3 * t;
    const double k = MMFF_MD * f->constant[MMFF_LINEARS][t];
    const MmffAngle angle = mmff_angle(x, a);
    energy += k * (1 + angle.cosine);
    if (g) mmff_turn(&angle, a, k, 0, 0, g);
  }
  return energy;
}

/* A centre's three bonds: unit vectors and lengths. */
static void mmff_arms(const double *x, const int *a, Point *u, double *length) {
  for (int i = 0; i < 3; i++) {
    const Point r = minus(at_atom(x, a[1 + i]), at_atom(x, a[0]));
    length[i] = __builtin_sqrt(dot(r, r) + 1e-16), u[i] = times(1 / length[i], r);
  }
}

/* Wilson's angles of a centre's three bonds, each with the plane of the other two. */
static double mmff_planes(const MmffField *f, const double *x, double *g) {
  double energy = 0;
  for (int t = 0; t < f->count[MMFF_PLANES]; t++) {
    const int *a = f->index[MMFF_PLANES] + 4 * t;
    const double k = MMFF_MD * f->constant[MMFF_PLANES][t];
    Point u[3], across[3], by[3] = {{0, 0, 0}, {0, 0, 0}, {0, 0, 0}};
    double length[3], by_volume = 0;
    mmff_arms(x, a, u, length);
    for (int i = 0; i < 3; i++) across[i] = cross(u[(i + 1) % 3], u[(i + 2) % 3]);
    const double volume = dot(u[0], across[0]);
    for (int i = 0; i < 3; i++) { /* sin(chi) = volume / the sine of the other two's angle */
      const int j = (i + 1) % 3, l = (i + 2) % 3;
      const double cosine = dot(u[j], u[l]), square = 1 - cosine * cosine,
                   sine = __builtin_sqrt(square > 1e-8 ? square : 1e-8);
      const double value = within(volume / sine, -1, 1), rest = 1 - value * value;
      const double chi = 1.57079632679489661923 - acos_(value),
                   by_value = k * chi / __builtin_sqrt(rest > 1e-16 ? rest : 1e-16);
      energy += 0.5 * k * chi * chi, by_volume += by_value / sine;
      const double by_cosine = by_value * volume * cosine / (sine * sine * sine);
      by[j] = plus(by[j], times(by_cosine, u[l])), by[l] = plus(by[l], times(by_cosine, u[j]));
    }
    if (!g) continue;
    Point sum = {0, 0, 0};
    for (int i = 0; i < 3; i++) {
      const Point all = plus(by[i], times(by_volume, across[i]));
      const Point push = times(1 / length[i], minus(all, times(dot(all, u[i]), u[i])));
      add_to(g, a[1 + i], push), sum = plus(sum, push);
    }
    add_to(g, a[0], times(-1, sum));
  }
  return energy;
}

/* By the cosine alone, so that no angle is singular but where three atoms lie in a line: these have none. */
static double mmff_torsions(const MmffField *f, const double *x, double *g) {
  double energy = 0;
  for (int t = 0; t < f->count[MMFF_TORSIONS]; t++) {
    const int *a = f->index[MMFF_TORSIONS] + 4 * t;
    const double *v = f->constant[MMFF_TORSIONS] + 3 * t;
    const Point j = at_atom(x, a[1]), k = at_atom(x, a[2]);
    const Point first = minus(at_atom(x, a[0]), j), middle = minus(k, j), last = minus(at_atom(x, a[3]), k);
    const Point m = cross(first, middle), n = cross(last, middle);
    const double mm = dot(m, m), nn = dot(n, n);
    if (mm < 1e-10 || nn < 1e-10) continue;
    const double to_m = 1 / __builtin_sqrt(mm), to_n = 1 / __builtin_sqrt(nn);
    const double c = within(dot(m, n) * to_m * to_n, -1, 1);
    energy += 0.5 * (v[0] * (1 + c) + v[1] * (2 - 2 * c * c) + v[2] * (1 + c * (4 * c * c - 3)));
    if (!g) continue;
    const double by = 0.5 * (v[0] - 4 * v[1] * c + v[2] * (12 * c * c - 3));
    const Point by_m = times(by * to_m, minus(times(to_n, n), times(c * to_m, m)));
    const Point by_n = times(by * to_n, minus(times(to_m, m), times(c * to_n, n)));
    const Point by_first = cross(middle, by_m), by_last = cross(middle, by_n);
    const Point by_middle = plus(cross(by_m, first), cross(by_n, last));
    add_to(g, a[0], by_first), add_to(g, a[1], times(-1, plus(by_first, by_middle)));
    add_to(g, a[2], minus(by_middle, by_last)), add_to(g, a[3], by_last);
  }
  return energy;
}

/* Buffered Coulomb energies of all pairs, where there are charges: `square` distances; adds to each `slope`, by the distance over the distance. */
__attribute__((noinline)) static double mmff_charges(const MmffField *f, const double *restrict square,
                                                     double *restrict slope) {
  const double *restrict product = f->constant[MMFF_CHARGES];
  double energy = 0;
  for (int t = 0; t < f->count[MMFF_CHARGES]; t++) {
    const double r = __builtin_sqrt(square[t]), buffered = r + MMFF_BUFFER, both = 1 / (r * buffered),
                 one = product[t] * r * both;
    energy += one, slope[t] -= one * both;
  }
  return energy;
}

/* Buffered 14-7, and `charges`: what pairs have by them. Distances first, then all energies and slopes: these loops are of vectors. */
static double mmff_pairs(const MmffField *f, const double *x, double *g, double *charges) {
  const int all = f->count[MMFF_PAIRS], *index = f->index[MMFF_PAIRS];
  const double *constant = f->constant[MMFF_PAIRS];
  double *restrict square = f->scratch, *restrict slope = square + all, energy = 0;
  for (int t = 0; t < all; t++) {
    const Point u = minus(at_atom(x, index[2 * t]), at_atom(x, index[2 * t + 1]));
    square[t] = dot(u, u) + 1e-16;
  }
  for (int t = 0; t < all; t++) {
    const double least = constant[2 * t], depth = constant[2 * t + 1], r = __builtin_sqrt(square[t]), q = r / least;
    const double q2 = q * q, q6 = q2 * q2 * q2, inner = 1 / (q6 * q + 0.12), outer = 1 / (q + 0.07), b = 1.07 * outer,
                 b2 = b * b, b7 = b2 * b2 * b2 * b, c = 1.12 * inner - 2;
    energy += depth * b7 * c;
    slope[t] = -7 * depth * b7 * (c * outer + 1.12 * q6 * inner * inner) / (least * r);
  }
  *charges = f->count[MMFF_CHARGES] ? mmff_charges(f, square, slope) : 0;
  if (!g) return energy;
  for (int t = 0; t < all; t++) {
    const int i = index[2 * t], j = index[2 * t + 1];
    const Point push = times(slope[t], minus(at_atom(x, i), at_atom(x, j)));
    add_to(g, i, push), add_to(g, j, times(-1, push));
  }
  return energy;
}

/* What it costs to leave the positions that atoms are held to. */
static double mmff_held(const MmffField *f, const double *x, double *g) {
  double energy = 0;
  for (int k = 0; k < 3 * f->atoms; k++) {
    const double d = x[k] - f->held[k];
    energy += 0.5 * f->hold * d * d;
    if (g) g[k] += f->hold * d;
  }
  return energy;
}

/* Energies by term: bonds, angles (bent and linear), stretch-bends, planes, torsions, pairs, charges. */
enum { MMFF_ENERGIES = 7 };

/* The sum; sets the gradient [atoms, 3], and the energies by term where they are asked for. */
static double mmff_energy(const MmffField *f, const double *x, double *g, double *terms) {
  double e[MMFF_ENERGIES];
  if (g) __builtin_memset(g, 0, sizeof(double) * 3 * f->atoms);
  e[0] = mmff_bonds(f, x, g);
  e[1] = mmff_bends(f, x, g, &e[2]);
  e[1] += mmff_linears(f, x, g);
  e[3] = mmff_planes(f, x, g);
  e[4] = mmff_torsions(f, x, g);
  e[5] = mmff_pairs(f, x, g, &e[6]);
  if (terms) __builtin_memcpy(terms, e, sizeof e);
  if (f->held) e[0] += mmff_held(f, x, g);
  if (g && f->frozen) __builtin_memset(g, 0, sizeof(double) * 3 * f->frozen);
  return e[0] + e[1] + e[2] + e[3] + e[4] + e[5] + e[6];
}

#endif
