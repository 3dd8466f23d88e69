/* The kernels that there are, and which is taken: the only place that knows them by name. */
#ifndef MOLSTEP_PRODUCT_KERNELS_H
#define MOLSTEP_PRODUCT_KERNELS_H
#include "vector.h"
#include FLOAT32_HEADER

/* The kernel of a network that is made now. */
static inline const ProductKernel *choose_kernel(void) { return &FLOAT32; }

#endif
