/* The kernels that there are, and which is taken: the only place that knows them by name. */
#ifndef MOLSTEP_PRODUCT_KERNELS_H
#define MOLSTEP_PRODUCT_KERNELS_H
#include "vector.h"
#include FLOAT32_HEADER
/* Linux alone grants AMX in the way that is asked here. */
#if defined(__AMX_BF16__) && defined(__linux__)
#include "product_amx.h"
#endif
#if defined(__AVX512FP16__)
#include "product_f16.h"
#endif
#if defined(__AVX512BF16__)
#include "product_bf16.h"
#endif

static const ProductKernel *const KERNELS[] = {
    &FLOAT32,
#if defined(MOLSTEP_PRODUCT_AMX_H)
    &AMX,
#endif
#if defined(__AVX512FP16__)
    &F16,
#endif
#if defined(__AVX512BF16__)
    &BF16,
#endif
};
enum { KERNEL_COUNT = sizeof KERNELS / sizeof KERNELS[0] };

/* Kernel `index`, single precision first; 0 where there is none. */
static inline const ProductKernel *kernel_at(int index) {
  return index >= 0 && index < KERNEL_COUNT ? KERNELS[index] : 0;
}

#endif
