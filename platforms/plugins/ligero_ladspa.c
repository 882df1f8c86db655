/* The LADSPA plug-in "ligero": the voice of the person of a profile, and nothing else. Not: choosing or
 * making a profile (`ligero enroll`).
 *
 * Model and profile are the files of the environment's LIGERO_MODEL and LIGERO_PROFILE, else model.lgm
 * and profile in $XDG_CONFIG_HOME/ligero or ~/.config/ligero. A model that needs no speaker takes no
 * profile. If they cannot be loaded, instantiate says why on stderr and the plug-in is silent, or passes
 * its input with LIGERO_PASS=1.
 */
#define _POSIX_C_SOURCE 200809L

#include <ladspa.h>
#include <ligero.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { kPortIn, kPortOut, kPortLimit, kPortBypass, kPortLatency, kPorts };
enum { kUniqueId = 7391, kPathBytes = 4096 };

static const float kNoLimitDb = 100.0f;

typedef struct plugin {
  ligero_model* model;
  ligero_session* session; /* NULL: nothing could be loaded */
  int passes;
  LADSPA_Data* ports[kPorts];
  float limit_db;
  int bypass;
} plugin;

/* The file that `variable` names, else `name` in the configuration folder. */
static const char* find_file(const char* variable, const char* name, char* path) {
  const char* given = getenv(variable);
  if (given != NULL && *given != '\0') {
    return given;
  }
  const char* folder = getenv("XDG_CONFIG_HOME");
  if (folder != NULL && *folder != '\0') {
    snprintf(path, kPathBytes, "%s/ligero/%s", folder, name);
  } else {
    const char* home = getenv("HOME");
    snprintf(path, kPathBytes, "%s/.config/ligero/%s", home != NULL ? home : "", name);
  }
  return path;
}

static ligero_status open_session(plugin* p, uint32_t rate_hz) {
  char model_path[kPathBytes];
  char profile_path[kPathBytes];
  ligero_profile* profile = NULL; /* none for a model that takes none */
  ligero_model_info info;
  ligero_session_config config;
  memset(&info, 0, sizeof(info));
  info.struct_bytes = sizeof(info);
  memset(&config, 0, sizeof(config));
  config.struct_bytes = sizeof(config);
  config.rate_hz = rate_hz;
  ligero_status status =
      ligero_model_open(find_file("LIGERO_MODEL", "model.lgm", model_path), &p->model);
  if (status == LIGERO_OK) {
    status = ligero_get_model_info(p->model, &info);
  }
  if (status == LIGERO_OK && info.takes_profile) {
    status =
        ligero_profile_load(find_file("LIGERO_PROFILE", "profile", profile_path), &profile);
  }
  if (status == LIGERO_OK) {
    status = ligero_session_create(p->model, &config, NULL, 0, &p->session);
  }
  if (status == LIGERO_OK && profile != NULL) {
    status = ligero_set_target(p->session, profile);
  }
  ligero_profile_close(profile);
  return status;
}

static void close_session(plugin* p) {
  ligero_session_destroy(p->session);
  ligero_model_close(p->model);
  p->session = NULL;
  p->model = NULL;
}

static LADSPA_Handle instantiate(const LADSPA_Descriptor* descriptor, unsigned long rate_hz) {
  (void)descriptor;
  plugin* p = calloc(1, sizeof(*p));
  if (p == NULL) {
    return NULL;
  }
  const char* pass = getenv("LIGERO_PASS");
  p->passes = pass != NULL && strcmp(pass, "1") == 0;
  p->limit_db = kNoLimitDb;
  if (open_session(p, (uint32_t)rate_hz) != LIGERO_OK) {
    fprintf(stderr,
            "ligero plug-in: %s; %s\n",
            ligero_last_error(),
            p->passes ? "passing the input (LIGERO_PASS=1)" : "silent");
    close_session(p);
  }
  return p;
}

static void connect_port(LADSPA_Handle handle, unsigned long port, LADSPA_Data* data) {
  if (port < kPorts) {
    ((plugin*)handle)->ports[port] = data;
  }
}

static void activate(LADSPA_Handle handle) {
  plugin* p = handle;
  if (p->session != NULL) {
    ligero_reset(p->session);
  }
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
  close_session(handle);
  free(handle);
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
