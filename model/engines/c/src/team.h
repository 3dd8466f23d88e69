/* Threads that work on one thing side by side, and wait for each other between its parts. */
#ifndef MOLSTEP_TEAM_H
#define MOLSTEP_TEAM_H

#if defined(__wasm__)
/* An instance has one thread. */
typedef struct {
  int size;
} Team;
static void team_wait(Team *team) { (void)team; }
#else
#include <pthread.h>

typedef struct {
  pthread_mutex_t lock;
  pthread_cond_t moved;
  int size, waiting; /* size 0: not known yet */
  unsigned turn;     /* counts the times that all have met */
} Team;

/* Turns of waiting awake, a few tens of microseconds: about what it takes to wake a thread. */
enum { TEAM_SPINS = 1000 };

static void team_open(Team *team) {
  pthread_mutex_init(&team->lock, 0), pthread_cond_init(&team->moved, 0);
  team->size = team->waiting = 0, team->turn = 0;
}
static void team_close(Team *team) { pthread_cond_destroy(&team->moved), pthread_mutex_destroy(&team->lock); }

/* Says how many there are, to those who wait for it. */
static void team_start(Team *team, int size) {
  pthread_mutex_lock(&team->lock);
  team->size = size;
  pthread_cond_broadcast(&team->moved);
  pthread_mutex_unlock(&team->lock);
}
static void team_join(Team *team) {
  pthread_mutex_lock(&team->lock);
  while (!team->size) pthread_cond_wait(&team->moved, &team->lock);
  pthread_mutex_unlock(&team->lock);
}

/* Returns when all have called it. What each wrote before, all see after. */
static void team_wait(Team *team) {
  if (team->size == 1) return;
  pthread_mutex_lock(&team->lock);
  const unsigned turn = team->turn;
  if (++team->waiting == team->size) {
    team->waiting = 0;
    __atomic_store_n(&team->turn, turn + 1, __ATOMIC_RELEASE);
    pthread_cond_broadcast(&team->moved);
    pthread_mutex_unlock(&team->lock);
    return;
  }
  pthread_mutex_unlock(&team->lock);
  for (int k = 0; k < TEAM_SPINS; k++) {
    if (__atomic_load_n(&team->turn, __ATOMIC_ACQUIRE) != turn) return;
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }
  pthread_mutex_lock(&team->lock);
  while (team->turn == turn) pthread_cond_wait(&team->moved, &team->lock);
  pthread_mutex_unlock(&team->lock);
}
#endif

#endif
