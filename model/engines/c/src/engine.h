/* A pair-attention denoiser in memory: its network, and what each thread works with. */
#ifndef MOLSTEP_ENGINE_H
#define MOLSTEP_ENGINE_H
#include "constants.h"
#include "memory.h"
#include "tile.h"

typedef struct {
  float *gradient, *padded, *scratch, *tile;
  long tile_floats;
  Gradient d;
} Worker;

typedef struct {
  Net net;
  Sizes s;
  int threads, train;
  float *ema, *momentum, *variance; /* Muon's momentum or Adam's m; Adam's v */
  Net averages;                     /* the network of the EMA, where `train` */
  int averages_derived;             /* whether what it derives from the EMA is up to date */
  float norm;                       /* of the last gradient */
  Worker worker[THREADS_MAX];
} Engine;

static long padded_count(const Sizes *s) { return (long)s->f * s->lanes + s->lanes + PAIR * LANES + LANES; }
static Padded padded_at(const Sizes *s, float *at) {
  float *bias = at + (long)s->f * s->lanes, *bonds = bias + s->lanes;
  return (Padded){at, bias, bonds, bonds + PAIR * LANES};
}

#endif
