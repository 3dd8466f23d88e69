/* MMFF94 of batches as callers see it: molecules go to whichever thread comes first, each by itself, so that none depends on company or on threads. */
#ifndef MOLSTEP_MMFF_BATCH_H
#define MOLSTEP_MMFF_BATCH_H
#include "jobs.h"
#include "mmff_minimise.h"

/* Memory of `bytes` in place of `memory`, which is of *room: given back by mmff_give. WebAssembly, which has one thread and frees nothing, keeps one for all calls. */
#if defined(__wasm__)
static double *mmff_kept;
static long mmff_kept_room;
static double *mmff_take(double *memory, long *room, long bytes) {
  (void)memory;
  if (bytes > mmff_kept_room) {
    mmff_kept = allocate(2 * bytes), mmff_kept_room = mmff_kept ? 2 * bytes : 0;
  }
  *room = mmff_kept_room;
  return mmff_kept;
}
static void mmff_give(double *memory) { (void)memory; }
#else
static double *mmff_take(double *memory, long *room, long bytes) {
  if (bytes <= *room) return memory;
  release(memory);
  memory = allocate(bytes), *room = memory ? bytes : 0;
  return memory;
}
static void mmff_give(double *memory) { release(memory); }
#endif

typedef struct {
  int batch, iterations, frozen, *next, *done, ok;
  const int *counts, *indices;
  const double *constants;
  double tolerance, hold, *positions, *energies;
} MmffJob;

/* One thread: takes molecules until none is left. Finding one's numbers is counting those before it. */
static void *mmff_thread(void *argument) {
  MmffJob *job = argument;
  const int *counts = job->counts, *indices = job->indices;
  const double *constants = job->constants;
  double *x = job->positions, *memory = 0;
  long room = 0;
  int mine = __atomic_fetch_add(job->next, 1, __ATOMIC_RELAXED);
  for (int m = 0; m < job->batch; x += 3 * counts[0], counts += MMFF_COUNTS, m++) {
    MmffField field = mmff_field(counts, &indices, &constants);
    if (m != mine) continue;
    memory = mmff_take(memory, &room, 8 * mmff_work_doubles(counts));
    if (!memory) {
      job->ok = 0;
      return 0;
    }
    MmffWork work = mmff_work(memory, counts);
    field.scratch = work.scratch, field.frozen = job->frozen < counts[0] ? job->frozen : counts[0];
    double *e = job->energies + m * (1l + MMFF_ENERGIES);
    e[0] = mmff_energy(&field, x, 0, 0);
    if (job->hold > 0) {
      __builtin_memcpy(work.held, x, sizeof(double) * 3 * counts[0]);
      field.held = work.held, field.hold = job->hold;
    }
    double last;
    job->done[m] = mmff_minimise(&field, &work, x, job->iterations, job->tolerance, &last);
    field.held = 0;
    mmff_energy(&field, x, 0, e + 1);
    mine = __atomic_fetch_add(job->next, 1, __ATOMIC_RELAXED);
  }
  mmff_give(memory);
  return 0;
}

/*
 * Minimises molecules, one after another in flat arrays: counts [batch, MMFF_COUNTS], their terms' atoms and constants, positions [atoms of all, 3], which are moved.
 * Where `hold` is above 0, atoms are held to where they were by so many kcal/mol/angstrom^2, which no energy that is told counts.
 * The first `frozen` atoms of each stay where they are.
 * energies [batch, 1 + MMFF_ENERGIES]: all before, and by term after; done [batch]: iterations, -1 where a molecule has no energy and stays. 1, or 0 where memory ran
 * out.
 */
EXPORT(molstep_mmff_minimise)
int molstep_mmff_minimise(int threads, int batch, int iterations, double tolerance, double hold, int frozen,
                          const int *counts, const int *indices, const double *constants, double *positions,
                          double *energies, int *done) {
  int next = 0, ok = 1;
  MmffJob jobs[THREADS_MAX];
  void *arguments[THREADS_MAX];
  threads = threads < 1 ? 1 : threads > THREADS_MAX ? THREADS_MAX : threads;
  for (int w = 0; w < threads; w++) {
    jobs[w] = (MmffJob){.batch = batch,
                        .iterations = iterations,
                        .frozen = frozen,
                        .next = &next,
                        .done = done,
                        .ok = 1,
                        .counts = counts,
                        .indices = indices,
                        .constants = constants,
                        .tolerance = tolerance,
                        .hold = hold,
                        .positions = positions,
                        .energies = energies};
    arguments[w] = &jobs[w];
  }
  run_all(threads, mmff_thread, arguments);
  for (int w = 0; w < threads; w++) ok &= jobs[w].ok;
  return ok;
}

/* The same on the calling thread: for workers of JavaScript. */
EXPORT(molstep_mmff_minimise_on)
int molstep_mmff_minimise_on(int batch, int iterations, double tolerance, double hold, int frozen, const int *counts,
                             const int *indices, const double *constants, double *positions, double *energies,
                             int *done) {
  return molstep_mmff_minimise(1, batch, iterations, tolerance, hold, frozen, counts, indices, constants, positions,
                               energies, done);
}

/* The energies by term of one molecule, [MMFF_ENERGIES], and their gradient, [atoms, 3]. 1, or 0 where memory ran out. */
EXPORT(molstep_mmff_gradient)
int molstep_mmff_gradient(const int *counts, const int *indices, const double *constants, const double *positions,
                          double *energies, double *gradient) {
  MmffField field = mmff_field(counts, &indices, &constants);
  long room = 0;
  if (!(field.scratch = mmff_take(0, &room, 16l * field.count[MMFF_PAIRS] + 8))) return 0;
  mmff_energy(&field, positions, gradient, energies);
  mmff_give(field.scratch);
  return 1;
}

#endif
