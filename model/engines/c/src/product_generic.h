/* The product in single precision. Registers of 4 floats, as SSE2 and NEON have: 12 hold a tile's sums. */
#ifndef MOLSTEP_PRODUCT_GENERIC_H
#define MOLSTEP_PRODUCT_GENERIC_H
#define PRODUCT_ROWS 6
#include "product_tiles.h"

static const ProductKernel FLOAT32 = {"generic-f32",   PRODUCT_ROWS,    PANEL, pack_panels,
                                      multiply_panels, multiply_arrays, of_use};

#endif
