/* SPDX-License-Identifier: Apache-2.0 */
/* A host of the LADSPA plug-in that does what sound servers do while it plays: files are renewed
 * and rewritten. Not: what the plug-in computes (tests/cmake/ladspa.cmake compares that with the
 * tool).
 *
 *   plugin_host PLUGIN rates           instances of rates that there are not
 *   plugin_host PLUGIN renewed A B     LIGERO_PROFILE becomes B, then A again
 *   plugin_host PLUGIN forked          an instance goes on in the child of a fork, and ends there
 *   plugin_host PLUGIN rewritten       LIGERO_MODEL is rewritten in every way that `cp` does
 */
#define _POSIX_C_SOURCE 200809L

#include <dlfcn.h>
#include <ladspa.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { kRate = 16000, kBlock = 160, kBlocks = 300, kModelBytes = 64 << 20 };

static const LADSPA_Descriptor* plugin;

static void fail(const char* what) {
  fprintf(stderr, "plugin_host: %s\n", what);
  exit(1);
}

typedef struct instance {
  LADSPA_Handle handle;
  float in[kBlock];
  float out[kBlock];
  float controls[3];
} instance;

static void make(instance* i) {
  i->handle = plugin->instantiate(plugin, kRate);
  if (i->handle == NULL) {
    fail("no instance");
  }
  i->controls[0] = 100.0f;
  i->controls[1] = 0.0f;
  plugin->connect_port(i->handle, 0, i->in);
  plugin->connect_port(i->handle, 1, i->out);
  for (unsigned long k = 0; k < 3; ++k) {
    plugin->connect_port(i->handle, 2 + k, &i->controls[k]);
  }
  plugin->activate(i->handle);
}

/* Block `n` of a sound of two pitches, which swells. */
static void play(instance* i, long n) {
  for (long k = 0; k < kBlock; ++k) {
    const double s = (double)(n * kBlock + k) / kRate;
    const double swell = 0.15 + 0.1 * sin(6.0 * s);
    i->in[k] =
        (float)(swell * (sin(2.0 * 3.14159265 * 140.0 * s) + sin(2.0 * 3.14159265 * 610.0 * s)));
  }
  plugin->run(i->handle, kBlock);
}

static float difference(const float* a, const float* b) {
  float most = 0.0f;
  for (int k = 0; k < kBlock; ++k) {
    most = fmaxf(most, fabsf(a[k] - b[k]));
  }
  return most;
}

static size_t read_bytes(const char* path, char* to) {
  FILE* file = fopen(path, "rb");
  const size_t got = file != NULL ? fread(to, 1, kModelBytes, file) : 0;
  if (file == NULL || fclose(file) != 0) {
    fail("cannot read a file");
  }
  return got;
}

/* As `cp` does: the file is the same one, emptied first. */
static void rewrite(const char* path, const char* bytes, size_t size) {
  FILE* file = fopen(path, "wb");
  if (file == NULL || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) {
    fail("cannot write a file");
  }
}

/* As `ligero enroll` does: a new file takes the old one's place. */
static void renew(const char* path, const char* from, char* bytes) {
  char name[4096];
  snprintf(name, sizeof(name), "%s.new", path);
  rewrite(name, bytes, read_bytes(from, bytes));
  if (rename(name, path) != 0) {
    fail("cannot rename a file");
  }
}

static void rates(void) {
  const unsigned long bad[] = {0, 1, 7999, 192001, 4294967296UL + 16000UL, ~0UL};
  for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); ++k) {
    if (plugin->instantiate(plugin, bad[k]) != NULL) {
      fail("an instance of a rate that there is not");
    }
  }
}

/* Plays both for kBlocks; fails where they differ. */
static void play_alike(instance* a, instance* b, const char* complaint) {
  for (long n = 0; n < kBlocks; ++n) {
    play(a, n);
    play(b, n);
    if (difference(a->out, b->out) != 0.0f) {
      fail(complaint);
    }
  }
}

/* By the watcher, while it plays: the voice is no longer that of A. By activate: at once that of A.
 */
static void renewed(const char* a, const char* b, char* bytes) {
  char path[4096];
  snprintf(path, sizeof(path), "%s", getenv("LIGERO_PROFILE"));
  instance steady, i;
  setenv("LIGERO_PROFILE", a, 1);
  make(&steady);
  setenv("LIGERO_PROFILE", path, 1);
  renew(path, a, bytes);
  make(&i);
  play_alike(&i, &steady, "two instances differ: this test sees nothing");
  renew(path, b, bytes);
  const time_t begun = time(NULL);
  for (long n = kBlocks; difference(i.out, steady.out) == 0.0f; ++n) {
    play(&i, n);
    play(&steady, n);
    const struct timespec nap = {0, 200000};
    nanosleep(&nap, NULL);
    if (time(NULL) - begun > 60) {
      fail("a new profile was not taken up while the plug-in plays");
    }
  }
  renew(path, a, bytes);
  plugin->activate(i.handle);
  plugin->activate(steady.handle);
  play_alike(&i, &steady, "activate has not taken up a new profile");
  plugin->cleanup(i.handle);
  plugin->cleanup(steady.handle);
}

static void forked(void) {
  instance i;
  make(&i);
  play(&i, 0);
  const pid_t child = fork();
  if (child == 0) {
    alarm(60); /* ends a child that hangs */
    plugin->activate(i.handle);
    play(&i, 1);
    plugin->cleanup(i.handle);
    _exit(0);
  }
  int status = -1;
  if (waitpid(child, &status, 0) != child || status != 0) {
    fail("an instance does not end in the child of a fork");
  }
  play(&i, 1);
  plugin->cleanup(i.handle);
}

static void rewritten(char* bytes) {
  static float expected[kBlocks][kBlock];
  const char* path = getenv("LIGERO_MODEL");
  const size_t size = read_bytes(path, bytes);
  const size_t third = size / 3;
  instance i;
  make(&i);
  for (long n = 0; n < kBlocks; ++n) {
    play(&i, n);
    memcpy(expected[n], i.out, sizeof(i.out));
  }
  plugin->cleanup(i.handle);
  make(&i);
  for (long n = 0; n < kBlocks; ++n) {
    if (n == 40) {
      rewrite(path, bytes, third);
    } else if (n == 80) {
      rewrite(path, bytes, 0);
    } else if (n == 120) {
      rewrite(path, bytes + third, size - third);
    } else if (n == 160) {
      for (size_t k = 0; k < size; ++k) {
        bytes[k] = (char)(bytes[k] * 31 + 7);
      }
      rewrite(path, bytes, size);
    } else if (n == 200) {
      rewrite(path, bytes, kModelBytes / 4);
    }
    play(&i, n);
    if (memcmp(expected[n], i.out, sizeof(i.out)) != 0) {
      fail("the voice is another once the model's file has been rewritten");
    }
  }
  plugin->cleanup(i.handle);
}

int main(int argc, char** argv) {
  void* library = argc > 2 ? dlopen(argv[1], RTLD_NOW) : NULL;
  if (library == NULL) {
    fail(argc > 2 ? dlerror() : "expected PLUGIN rates, renewed A B, forked or rewritten");
  }
  LADSPA_Descriptor_Function describe = NULL;
  *(void**)&describe = dlsym(library, "ladspa_descriptor");
  plugin = describe != NULL ? describe(0) : NULL;
  char* bytes = malloc(kModelBytes);
  if (plugin == NULL || bytes == NULL) {
    fail("no plug-in or no memory");
  }
  if (strcmp(argv[2], "rates") == 0) {
    rates();
  } else if (strcmp(argv[2], "renewed") == 0 && argc == 5) {
    renewed(argv[3], argv[4], bytes);
  } else if (strcmp(argv[2], "forked") == 0) {
    forked();
  } else if (strcmp(argv[2], "rewritten") == 0) {
    rewritten(bytes);
  } else {
    fail("no such test");
  }
  free(bytes);
  dlclose(library);
  return 0;
}
