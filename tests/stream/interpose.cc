// SPDX-License-Identifier: Apache-2.0
// The functions that stand in front of the C library's. Not: any check.
#include "tests/stream/interpose.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__GLIBC__)
#define LIGERO_CAN_INTERPOSE 0
#else
#define LIGERO_CAN_INTERPOSE 1
#endif

#if LIGERO_CAN_INTERPOSE

#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>

#include <cerrno>
#include <cstddef>

namespace {

thread_local bool counting = false;
thread_local ligero::testing::Calls calls;

void allocation() {
  if (counting) {
    ++calls.allocations;
  }
}

/// The next function of that name, found at its first call (dlsym may allocate, so a lock that is
/// called first while counting shows twice).
template <typename Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

}  // namespace

// glibc's own names of what malloc and the others are called by everyone else.
extern "C" {

void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);
void __libc_free(void*);

void* malloc(size_t n) {
  allocation();
  return __libc_malloc(n);
}

void* calloc(size_t n, size_t size) {
  allocation();
  return __libc_calloc(n, size);
}

void* realloc(void* p, size_t n) {
  allocation();
  return __libc_realloc(p, n);
}

void free(void* p) {
  allocation();
  __libc_free(p);
}

void* memalign(size_t alignment, size_t n) {
  allocation();
  return __libc_memalign(alignment, n);
}

void* aligned_alloc(size_t alignment, size_t n) {
  allocation();
  return __libc_memalign(alignment, n);
}

int posix_memalign(void** p, size_t alignment, size_t n) {
  allocation();
  *p = __libc_memalign(alignment, n);
  return *p != nullptr ? 0 : ENOMEM;
}

// NAME with PARAMETERS, called with ARGUMENTS: counts, then does the work.
#define LIGERO_LOCK_FUNCTION(name, parameters, arguments)    \
  int name parameters {                                      \
    static const auto real = next<int(*) parameters>(#name); \
    if (counting) {                                          \
      ++calls.locks;                                         \
    }                                                        \
    return real arguments;                                   \
  }

LIGERO_LOCK_FUNCTION(pthread_mutex_lock, (pthread_mutex_t * m), (m))
LIGERO_LOCK_FUNCTION(pthread_mutex_trylock, (pthread_mutex_t * m), (m))
LIGERO_LOCK_FUNCTION(pthread_mutex_timedlock, (pthread_mutex_t * m, const timespec* t), (m, t))
LIGERO_LOCK_FUNCTION(pthread_mutex_unlock, (pthread_mutex_t * m), (m))
LIGERO_LOCK_FUNCTION(pthread_rwlock_rdlock, (pthread_rwlock_t * l), (l))
LIGERO_LOCK_FUNCTION(pthread_rwlock_wrlock, (pthread_rwlock_t * l), (l))
LIGERO_LOCK_FUNCTION(pthread_rwlock_unlock, (pthread_rwlock_t * l), (l))
LIGERO_LOCK_FUNCTION(pthread_spin_lock, (pthread_spinlock_t * l), (l))
LIGERO_LOCK_FUNCTION(pthread_spin_unlock, (pthread_spinlock_t * l), (l))
LIGERO_LOCK_FUNCTION(pthread_cond_wait, (pthread_cond_t * c, pthread_mutex_t* m), (c, m))
LIGERO_LOCK_FUNCTION(pthread_cond_timedwait,
                     (pthread_cond_t * c, pthread_mutex_t* m, const timespec* t),
                     (c, m, t))
LIGERO_LOCK_FUNCTION(pthread_cond_signal, (pthread_cond_t * c), (c))
LIGERO_LOCK_FUNCTION(pthread_cond_broadcast, (pthread_cond_t * c), (c))
LIGERO_LOCK_FUNCTION(pthread_once, (pthread_once_t * o, void (*f)()), (o, f))
LIGERO_LOCK_FUNCTION(sem_wait, (sem_t * s), (s))
LIGERO_LOCK_FUNCTION(sem_post, (sem_t * s), (s))

#undef LIGERO_LOCK_FUNCTION

}  // extern "C"

#endif  // LIGERO_CAN_INTERPOSE

namespace ligero::testing {

bool can_interpose() {
  return LIGERO_CAN_INTERPOSE != 0;
}

#if LIGERO_CAN_INTERPOSE

void start_counting() {
  calls = Calls{};
  counting = true;
}

Calls stop_counting() {
  counting = false;
  return calls;
}

#else

void start_counting() {}

Calls stop_counting() {
  return {};
}

#endif

}  // namespace ligero::testing
