/* SPDX-License-Identifier: Apache-2.0 */
/* The LADSPA plug-in "ligero": the voice of the person of a profile, and nothing else. Not:
 * choosing or making a profile (`ligero enroll`).
 *
 * Model and profile are the files of the environment's LIGERO_MODEL and LIGERO_PROFILE, else
 * model.lgm and profile in $XDG_CONFIG_HOME/ligero or ~/.config/ligero. A model that needs no
 * speaker takes no profile. If they cannot be loaded, instantiate says why on stderr and the
 * plug-in is silent, or passes its input with LIGERO_PASS=1; the next activate tries again.
 *
 * A thread of each instance looks for a new profile file once a second, and activate does so at
 * once. Neither is the audio thread. The model file is copied to memory and not looked at again.
 */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <ladspa.h>
#include <ligero.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { kPortIn, kPortOut, kPortLimit, kPortBypass, kPortLatency, kPorts };
enum { kUniqueId = 7391, kPathBytes = 4096, kLowestHz = 8000, kHighestHz = 192000 };
enum { kWatcherStackBytes = 128 * 1024 };

static const float kNoLimitDb = 100.0f;

typedef struct plugin {
  ligero_model* model;
  ligero_session* session; /* NULL: nothing could be loaded */
  uint32_t rate_hz;
  char model_path[kPathBytes];
  char profile_path[kPathBytes]; /* empty: the model takes none */
  struct stat profile_seen;      /* the file that the target came from */
  pthread_mutex_t mutex;         /* of profile_seen, stops and the session's target */
  pthread_cond_t stop;
  int stops;
  pthread_t watcher;
  pid_t watched_by; /* the process that `watcher` runs in; 0: there is none */
  int passes;
  LADSPA_Data* ports[kPorts];
  float limit_db;
  int bypass;
} plugin;

/* The file that `variable` names, else `name` in the configuration folder. */
static void find_file(const char* variable, const char* name, char* path) {
  const char* given = getenv(variable);
  const char* folder = getenv("XDG_CONFIG_HOME");
  const char* home = getenv("HOME");
  if (given != NULL && *given != '\0') {
    snprintf(path, kPathBytes, "%s", given);
  } else if (folder != NULL && *folder != '\0') {
    snprintf(path, kPathBytes, "%s/ligero/%s", folder, name);
  } else {
    snprintf(path, kPathBytes, "%s/.config/ligero/%s", home != NULL ? home : "", name);
  }
}

/* The last refusal on stderr, with the file's name if it is not in it, and what it leads to. */
static void complain(const char* path, ligero_status status, const char* outcome) {
  const char* error = ligero_last_error();
  const int named = strstr(error, path) != NULL;
  struct rlimit locked;
  char limit[96] = "";
  if (status == LIGERO_TOO_LITTLE_MEMORY && getrlimit(RLIMIT_MEMLOCK, &locked) == 0 &&
      locked.rlim_cur != RLIM_INFINITY) {
    snprintf(limit,
             sizeof(limit),
             " (a host that locks its memory may lock %lu bytes: ulimit -l)",
             (unsigned long)locked.rlim_cur);
  }
  fprintf(stderr,
          "ligero plug-in: %s%s%s%s; %s\n",
          named ? "" : path,
          named ? "" : ": ",
          error,
          limit,
          outcome);
}

static int same_file(const struct stat* a, const struct stat* b) {
  return a->st_ino == b->st_ino && a->st_size == b->st_size &&
         a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Sets the target from the profile file if it is another than the last one. A file that cannot be
 * read, or not yet, leaves the target as it is. Call with the mutex held, or before the watcher. */
static ligero_status take_profile(plugin* p) {
  struct stat now;
  memset(&now, 0, sizeof(now));
  const int there = stat(p->profile_path, &now) == 0;
  if (there && same_file(&now, &p->profile_seen)) {
    return LIGERO_OK;
  }
  ligero_profile* profile = NULL;
  ligero_status status = ligero_profile_load(p->profile_path, &profile);
  if (status == LIGERO_OK) {
    status = ligero_set_target(p->session, profile);
  }
  ligero_profile_close(profile);
  if (there) {
    p->profile_seen = now; /* a file that cannot be read is not read again until it changes */
  }
  return status;
}

static void take_new_profile(plugin* p) {
  struct stat now;
  if (stat(p->profile_path, &now) != 0 || same_file(&now, &p->profile_seen)) {
    return; /* while there is none, the old target stays */
  }
  const ligero_status status = take_profile(p);
  if (status != LIGERO_OK) {
    complain(p->profile_path, status, "the voice is still the one before");
  }
}

static void* watch(void* user) {
  plugin* p = user;
  pthread_mutex_lock(&p->mutex);
  while (!p->stops) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    ++until.tv_sec;
    if (pthread_cond_timedwait(&p->stop, &p->mutex, &until) == ETIMEDOUT) {
      take_new_profile(p);
    }
  }
  pthread_mutex_unlock(&p->mutex);
  return NULL;
}

/* The host's signals are not for the watcher, and its stack is small, for a host that locks memory.
 */
static void start_watching(plugin* p) {
  pthread_attr_t attributes;
  sigset_t all;
  sigset_t before;
  if (p->profile_path[0] == '\0' || pthread_attr_init(&attributes) != 0) {
    return;
  }
  p->stops = 0;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_attr_setstacksize(&attributes, kWatcherStackBytes);
  if (pthread_create(&p->watcher, &attributes, watch, p) == 0) {
    p->watched_by = getpid();
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
}

static void stop_watching(plugin* p) {
  if (p->watched_by != getpid()) {
    return; /* no thread, or one that a fork has left behind in the other process */
  }
  pthread_mutex_lock(&p->mutex);
  p->stops = 1;
  pthread_cond_signal(&p->stop);
  pthread_mutex_unlock(&p->mutex);
  pthread_join(p->watcher, NULL);
  p->watched_by = 0;
}

/* Model and session; on a refusal `blamed` is the file. */
static ligero_status open_files(plugin* p, const char** blamed) {
  ligero_model_info info = LIGERO_MODEL_INFO_INIT;
  ligero_session_config config = LIGERO_SESSION_CONFIG_INIT;
  config.rate_hz = p->rate_hz;
  const char* bandwidth = getenv("LIGERO_BANDWIDTH");
  if (bandwidth != NULL && strcmp(bandwidth, "speech") == 0) {
    config.bandwidth = LIGERO_BANDWIDTH_SPEECH;
  }
  find_file("LIGERO_MODEL", "model.lgm", p->model_path);
  *blamed = p->model_path;
  ligero_status status = ligero_model_open(p->model_path, &p->model);
  if (status == LIGERO_OK) {
    status = ligero_get_model_info(p->model, &info);
  }
  if (status == LIGERO_OK) {
    status = ligero_session_create(p->model, &config, NULL, 0, &p->session);
  }
  if (status == LIGERO_OK && info.takes_profile) {
    find_file("LIGERO_PROFILE", "profile", p->profile_path);
    *blamed = p->profile_path;
    status = take_profile(p);
  }
  return status;
}

static void close_files(plugin* p) {
  ligero_session_destroy(p->session);
  ligero_model_close(p->model);
  p->session = NULL;
  p->model = NULL;
  p->profile_path[0] = '\0';
  memset(&p->profile_seen, 0, sizeof(p->profile_seen));
}

static void open_session(plugin* p) {
  const char* blamed = "";
  const ligero_status status = open_files(p, &blamed);
  if (status == LIGERO_OK) {
    p->limit_db = kNoLimitDb;
    p->bypass = 0;
    start_watching(p);
  } else {
    complain(blamed, status, p->passes ? "passing the input (LIGERO_PASS=1)" : "silent");
    close_files(p);
  }
}

static LADSPA_Handle instantiate(const LADSPA_Descriptor* descriptor, unsigned long rate_hz) {
  (void)descriptor;
  if (rate_hz < kLowestHz || rate_hz > kHighestHz) {
    fprintf(stderr,
            "ligero plug-in: no instance for %lu Hz; expected %d to %d Hz\n",
            rate_hz,
            kLowestHz,
            kHighestHz);
    return NULL;
  }
  plugin* p = calloc(1, sizeof(*p));
  if (p == NULL) {
    return NULL;
  }
  pthread_mutex_init(&p->mutex, NULL);
  pthread_cond_init(&p->stop, NULL);
  const char* pass = getenv("LIGERO_PASS");
  p->passes = pass != NULL && strcmp(pass, "1") == 0;
  p->rate_hz = (uint32_t)rate_hz;
  open_session(p);
  return p;
}

static void connect_port(LADSPA_Handle handle, unsigned long port, LADSPA_Data* data) {
  if (port < kPorts) {
    ((plugin*)handle)->ports[port] = data;
  }
}

static void activate(LADSPA_Handle handle) {
  plugin* p = handle;
  if (p->session == NULL) {
    open_session(p);
    return;
  }
  if (p->profile_path[0] != '\0' && p->watched_by == getpid()) {
    pthread_mutex_lock(&p->mutex);
    take_new_profile(p);
    pthread_mutex_unlock(&p->mutex);
  }
  ligero_reset(p->session);
}

static void take_controls(plugin* p) {
  const float limit_db = p->ports[kPortLimit] != NULL ? *p->ports[kPortLimit] : p->limit_db;
  const int bypass = p->ports[kPortBypass] != NULL ? *p->ports[kPortBypass] > 0.0f : p->bypass;
  if (limit_db != p->limit_db) {
    ligero_set_strength(p->session, 1.0f, limit_db);
    p->limit_db = limit_db;
  }
  if (bypass != p->bypass) {
    ligero_set_bypass(p->session, bypass);
    p->bypass = bypass;
  }
}

static void run(LADSPA_Handle handle, unsigned long frames) {
  plugin* p = handle;
  const LADSPA_Data* in = p->ports[kPortIn];
  LADSPA_Data* out = p->ports[kPortOut];
  if (in == NULL || out == NULL) {
    return;
  }
  if (p->ports[kPortLatency] != NULL) {
    *p->ports[kPortLatency] = p->session != NULL ? (float)ligero_latency(p->session) : 0.0f;
  }
  if (p->session != NULL) {
    take_controls(p);
    ligero_process(p->session, &in, &out, (uint32_t)frames);
  } else if (p->passes) {
    memmove(out, in, frames * sizeof(*out));
  } else {
    memset(out, 0, frames * sizeof(*out));
  }
}

static void cleanup(LADSPA_Handle handle) {
  plugin* p = handle;
  stop_watching(p);
  close_files(p);
  pthread_cond_destroy(&p->stop);
  pthread_mutex_destroy(&p->mutex);
  free(p);
}

static const LADSPA_PortDescriptor kPortKinds[kPorts] = {
    LADSPA_PORT_INPUT | LADSPA_PORT_AUDIO,
    LADSPA_PORT_OUTPUT | LADSPA_PORT_AUDIO,
    LADSPA_PORT_INPUT | LADSPA_PORT_CONTROL,
    LADSPA_PORT_INPUT | LADSPA_PORT_CONTROL,
    LADSPA_PORT_OUTPUT | LADSPA_PORT_CONTROL,
};

static const char* const kPortNames[kPorts] = {
    "Input", "Output", "Attenuation limit (dB)", "Bypass", "latency"};

static const LADSPA_PortRangeHint kPortHints[kPorts] = {
    {0, 0.0f, 0.0f},
    {0, 0.0f, 0.0f},
    {LADSPA_HINT_BOUNDED_BELOW | LADSPA_HINT_BOUNDED_ABOVE | LADSPA_HINT_DEFAULT_MAXIMUM,
     0.0f,
     100.0f},
    {LADSPA_HINT_TOGGLED | LADSPA_HINT_DEFAULT_0, 0.0f, 0.0f},
    {0, 0.0f, 0.0f},
};

static const LADSPA_Descriptor kDescriptor = {
    .UniqueID = kUniqueId,
    .Label = "ligero",
    .Properties = LADSPA_PROPERTY_HARD_RT_CAPABLE,
    .Name = "ligero: one enrolled person's voice",
    .Maker = "ligero",
    .Copyright = "Apache-2.0",
    .PortCount = kPorts,
    .PortDescriptors = kPortKinds,
    .PortNames = kPortNames,
    .PortRangeHints = kPortHints,
    .instantiate = instantiate,
    .connect_port = connect_port,
    .activate = activate,
    .run = run,
    .cleanup = cleanup,
};

__attribute__((visibility("default"))) const LADSPA_Descriptor* ladspa_descriptor(
    unsigned long index) {
  return index == 0 ? &kDescriptor : NULL;
}
