/* Memory of the engine, and what is seen from outside. */
#ifndef MOLSTEP_MEMORY_H
#define MOLSTEP_MEMORY_H

#if defined(__wasm__)
#define EXPORT(name) __attribute__((export_name(#name)))
extern unsigned char __heap_base;
static unsigned long heap;
static void *allocate(long bytes) {
  if (!heap) heap = ((unsigned long)&__heap_base + 63) & ~63ul;
  unsigned long at = heap, end = (at + bytes + 63) & ~63ul, have = __builtin_wasm_memory_size(0) * 65536ul;
  if (end > have && __builtin_wasm_memory_grow(0, (end - have + 65535) / 65536) == (unsigned long)-1) return 0;
  heap = end;
  return (void *)at;
}
/* What is taken stays taken until the instance goes. */
static void release(void *at) { (void)at; }
#else
#include <stdlib.h>
#define EXPORT(name) __attribute__((visibility("default")))
/* Zeros on cache lines of their own; 0 where there is no more. */
static void *allocate(long bytes) {
  void *at = 0;
  if (posix_memalign(&at, 64, bytes + 64)) return 0;
  __builtin_memset(at, 0, bytes);
  return at;
}
static void release(void *at) { free(at); }
#endif

#endif
