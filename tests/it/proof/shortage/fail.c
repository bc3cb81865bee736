/* Preloaded, it makes one call of the C library fail: FAIL_CALL names the function, FAIL_AT counts its calls from 1.
   With FAIL_ALWAYS, all later ones fail too. With FAIL_COUNTS, the number of calls of each function goes to that file when the process exits. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

enum { MMAP, MPROTECT, THREAD, RANDOM, OPEN, READ, CLOCK, CALLS };

static const char *const names[CALLS] = {"mmap", "mprotect", "pthread_create", "getrandom", "open", "read", "clock"};
static const int errors[CALLS] = {ENOMEM, ENOMEM, EAGAIN, EIO, EMFILE, EIO, EINVAL};

static atomic_long counts[CALLS];
static int failing = CALLS;
static long at;
static int always;

__attribute__((constructor)) static void begin(void) {
  const char *name = getenv("FAIL_CALL");
  for (int call = 0; name && call < CALLS; call++)
    if (!strcmp(name, names[call])) failing = call;
  const char *when = getenv("FAIL_AT");
  if (when) at = atol(when);
  always = getenv("FAIL_ALWAYS") != NULL;
}

__attribute__((destructor)) static void end(void) {
  const char *path = getenv("FAIL_COUNTS");
  FILE *file = path ? fopen(path, "w") : NULL;
  if (!file) return;
  for (int call = 0; call < CALLS; call++) fprintf(file, "%s %ld\n", names[call], atomic_load(&counts[call]));
  fclose(file);
}

static int fails(int call) {
  long now = atomic_fetch_add(&counts[call], 1) + 1;
  if (call != failing || now < at || (now > at && !always)) return 0;
  errno = errors[call];
  return 1;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define MAP(name, offset)                                                                  \
  void *name(void *where, size_t length, int protection, int flags, int file, offset from) { \
    if (fails(MMAP)) return MAP_FAILED;                                                    \
    return REAL(name)(where, length, protection, flags, file, from);                       \
  }
MAP(mmap, off_t)
MAP(mmap64, off64_t)

int mprotect(void *where, size_t length, int protection) {
  return fails(MPROTECT) ? -1 : REAL(mprotect)(where, length, protection);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument) {
  return fails(THREAD) ? errors[THREAD] : REAL(pthread_create)(thread, attributes, start, argument);
}

ssize_t getrandom(void *buffer, size_t length, unsigned flags) {
  return fails(RANDOM) ? -1 : REAL(getrandom)(buffer, length, flags);
}

static mode_t mode_of(int flags, va_list more) {
  return flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;
}

#define OPENS(name)                                   \
  int name(const char *path, int flags, ...) {        \
    va_list more;                                     \
    va_start(more, flags);                            \
    mode_t mode = mode_of(flags, more);               \
    va_end(more);                                     \
    return fails(OPEN) ? -1 : REAL(name)(path, flags, mode); \
  }
OPENS(open)
OPENS(open64)

#define OPENS_AT(name)                                        \
  int name(int folder, const char *path, int flags, ...) {    \
    va_list more;                                             \
    va_start(more, flags);                                    \
    mode_t mode = mode_of(flags, more);                       \
    va_end(more);                                             \
    return fails(OPEN) ? -1 : REAL(name)(folder, path, flags, mode); \
  }
OPENS_AT(openat)
OPENS_AT(openat64)

ssize_t read(int file, void *buffer, size_t length) {
  return fails(READ) ? -1 : REAL(read)(file, buffer, length);
}

#define READS_AT(name, offset)                                       \
  ssize_t name(int file, void *buffer, size_t length, offset from) { \
    return fails(READ) ? -1 : REAL(name)(file, buffer, length, from); \
  }
READS_AT(pread, off_t)
READS_AT(pread64, off64_t)

int clock_gettime(clockid_t clock, struct timespec *time) {
  return clock == CLOCK_THREAD_CPUTIME_ID && fails(CLOCK) ? -1 : REAL(clock_gettime)(clock, time);
}
