/* Vectors: their width, fused multiply-add, and what V8 needs to be told otherwise than other compilers. */
#ifndef MOLSTEP_VECTOR_H
#define MOLSTEP_VECTOR_H

/* What the compiler builds for is told here alone: how wide a vector is, and whose kernel multiplies (product_kernels.h includes it). */
#if defined(__wasm__)
#define VECTOR_FLOATS 4
#define FLOAT32_HEADER "product_wasm.h"
#elif defined(__AVX512F__)
#define VECTOR_FLOATS 16
#define FLOAT32_HEADER "product_avx512.h"
#elif defined(__AVX2__)
#define VECTOR_FLOATS 8
#define FLOAT32_HEADER "product_avx2.h"
#else
#define VECTOR_FLOATS 4
#define FLOAT32_HEADER "product_generic.h"
#endif

typedef float vector __attribute__((vector_size(VECTOR_FLOATS * 4), aligned(4)));

#if defined(__wasm_relaxed_simd__)
#define FMA(a, b, c) __builtin_wasm_relaxed_madd_f32x4(a, b, c)
#else
#define FMA(a, b, c) ((a) * (b) + (c))
#endif

#define INLINE static inline __attribute__((always_inline))

enum { WIDE = 16, WIDE_VECTORS = WIDE / VECTOR_FLOATS };

#define EACH for (int v = 0; v < WIDE_VECTORS; v++)
#define ALL(value) ((vector){0} + (value))

/* Vector v of WIDE numbers in memory. */
INLINE vector part(const float *at, int v) { return ((const vector *)at)[v]; }
INLINE void put(float *at, int v, vector value) { ((vector *)at)[v] = value; }
/* The larger of each lane. */
INLINE vector larger(vector a, vector b) {
#if defined(__wasm__)
  return __builtin_wasm_pmax_f32x4(a, b);
#else
  typedef int integers __attribute__((vector_size(sizeof(vector))));
  const integers first = a > b;
  return (vector)(((integers)a & first) | ((integers)b & ~first));
#endif
}
/* The sum of WIDE numbers. */
INLINE float lanes(const vector x[WIDE_VECTORS]) {
  vector all = x[0];
  float sum = 0;
  for (int v = 1; v < WIDE_VECTORS; v++) all += x[v];
  for (int c = 0; c < VECTOR_FLOATS; c++) sum += all[c];
  return sum;
}

/*
 * Keeps the compiler from knowing what a value is made of: gcc from choosing other addresses for those written, clang from folding an address into an
 * access's offset, of which V8 makes an addition.
 */
#define OPAQUE(value) __asm__("" : "+r"(value))

#if defined(__wasm__)
/* Keeps clang from making WIDE_VECTORS chains one after another of what is written step by step: a use of x in a branch that V8 sees is never taken. */
static vector unused[WIDE_VECTORS];
INLINE void apart(const vector x[WIDE_VECTORS]) {
  int never = 0;
  OPAQUE(never);
  if (never) EACH((volatile vector *)unused)[v] = x[v];
}
/* A number in all lanes, from memory at an address that V8 knows: it would take three instructions to build it. */
INLINE vector known(const float *at) {
  OPAQUE(at);
  return ALL(*(const volatile float *)at);
}
#endif

#endif
