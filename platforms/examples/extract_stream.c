/* SPDX-License-Identifier: Apache-2.0 */
/* One enrolled person's voice out of a sound file, block by block as an audio callback would do it,
 * through the C API alone. Not: a tool (that is `ligero extract --stream`).
 *
 *   extract_stream MODEL PROFILE INPUT OUTPUT.wav [FRAMES PER BLOCK]
 *   extract_stream MODEL --enroll RECORDING INPUT OUTPUT.wav [FRAMES PER BLOCK]
 */
#include <ligero.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wav.h"

enum { kMostChannels = 32, kMostFrames = 8192, kDefaultFrames = 256 };

/* Says what went wrong where a call was refused. */
static int refused(ligero_status status, const char* what) {
  if (status != LIGERO_OK) {
    fprintf(stderr, "extract_stream: %s: %s\n", what, ligero_last_error());
  }
  return status != LIGERO_OK;
}

static int cannot(const char* path, const char* problem) {
  if (problem != NULL) {
    fprintf(stderr, "extract_stream: '%s': %s\n", path, problem);
  }
  return problem != NULL;
}

/* The profile of the person who speaks in `path`. */
static ligero_profile* enroll(const ligero_model* model, const char* path) {
  wav anchor;
  if (cannot(path, wav_read(path, &anchor))) {
    return NULL;
  }
  ligero_profile* profile = NULL;
  ligero_anchor_report report = LIGERO_ANCHOR_REPORT_INIT;
  if (!refused(ligero_enroll(model,
                             anchor.samples,
                             anchor.frames,
                             anchor.rate_hz,
                             anchor.channels,
                             &profile,
                             &report),
               path)) {
    printf("enrolled: %.1f s of speech at %.0f dB, noise %.0f dB%s%s\n",
           (double)report.speech_seconds,
           (double)report.level_db,
           (double)report.noise_db,
           *report.advice ? "; " : "",
           report.advice);
  }
  free(anchor.samples);
  return profile;
}

/* Runs all of `sound` through the session and replaces it. What comes out lags by `latency` frames:
 * so many are dropped at the start, and as many zeros follow the end, which the session is told. */
static int process(ligero_session* session, wav* sound, uint32_t block) {
  const size_t latency = ligero_latency(session);
  const uint32_t channels = sound->channels;
  float* const buffer = calloc((size_t)block * channels, sizeof(float));
  if (buffer == NULL) {
    return 1;
  }
  float* planes[kMostChannels];
  for (uint32_t c = 0; c < channels; ++c) {
    planes[c] = buffer + (size_t)c * block;
  }
  int failed = 0;
  size_t frames = 0;
  for (size_t at = 0; at < sound->frames + latency && !failed; at += frames) {
    const size_t left = at < sound->frames ? sound->frames - at : block;
    frames = left < block ? left : block;
    if (at == sound->frames) {
      failed = refused(ligero_finish(session), "finish");
    }
    for (size_t i = 0; i < frames; ++i) {
      for (uint32_t c = 0; c < channels; ++c) {
        planes[c][i] = at + i < sound->frames ? sound->samples[(at + i) * channels + c] : 0.0f;
      }
    }
    failed = failed || refused(ligero_process(session,
                                              (const float* const*)planes,
                                              planes,
                                              (uint32_t)frames),
                               "process");
    for (size_t i = 0; i < frames; ++i) {
      if (at + i >= latency && at + i - latency < sound->frames) {
        for (uint32_t c = 0; c < channels; ++c) {
          sound->samples[(at + i - latency) * channels + c] = planes[c][i];
        }
      }
    }
  }
  free(buffer);
  return failed;
}

static void report(const ligero_session* session, uint32_t rate_hz, size_t bytes) {
  ligero_statistics s = LIGERO_STATISTICS_INIT;
  if (!refused(ligero_get_statistics(session, &s), "statistics")) {
    printf("latency: %u frames, %.1f ms; session: %lu bytes\n",
           (unsigned)ligero_latency(session),
           1000.0 * ligero_latency(session) / rate_hz,
           (unsigned long)bytes);
    printf("processed: %ld frames, %ld samples cleaned, %ld hops healed\n",
           (long)s.samples,
           (long)s.cleaned_samples,
           (long)s.healed_hops);
  }
}

/* Opens a session of the sound's rate and channels, sets the target, and processes. */
static int run(const ligero_model* model, const ligero_profile* target, wav* sound, uint32_t block) {
  ligero_session_config config = LIGERO_SESSION_CONFIG_INIT;
  config.rate_hz = sound->rate_hz;
  config.channels = sound->channels;
  size_t bytes = 0;
  ligero_session* session = NULL;
  if (refused(ligero_session_bytes(model, &config, &bytes), "session") ||
      refused(ligero_session_create(model, &config, NULL, 0, &session), "session")) {
    return 1;
  }
  const int failed = refused(ligero_set_target(session, target), "target") ||
                     process(session, sound, block);
  if (!failed) {
    report(session, sound->rate_hz, bytes);
  }
  ligero_session_destroy(session);
  return failed;
}

int main(int argc, char** argv) {
  const int enrols = argc > 2 && strcmp(argv[2], "--enroll") == 0;
  if (argc != 5 + enrols && argc != 6 + enrols) {
    fprintf(stderr, "usage: extract_stream MODEL (PROFILE | --enroll RECORDING) INPUT OUTPUT [BLOCK]\n");
    return 2;
  }
  char** files = argv + 2 + enrols; /* profile or anchor, input, output, block */
  const long block = argc == 6 + enrols ? strtol(files[3], NULL, 10) : kDefaultFrames;
  if (block < 1 || block > kMostFrames) {
    fprintf(stderr, "extract_stream: expected a block of 1 to %d frames\n", (int)kMostFrames);
    return 2;
  }
  ligero_model* model = NULL;
  ligero_profile* profile = NULL;
  wav sound = {NULL, 0, 0, 0};
  int failed = refused(ligero_model_open(argv[1], &model), "model");
  if (!failed && enrols) {
    profile = enroll(model, files[0]);
    failed = profile == NULL;
  } else if (!failed) {
    failed = refused(ligero_profile_load(files[0], &profile), "profile");
  }
  failed = failed || cannot(files[1], wav_read(files[1], &sound)) ||
           run(model, profile, &sound, (uint32_t)block) ||
           cannot(files[2], wav_write(files[2], &sound));
  free(sound.samples);
  ligero_profile_close(profile);
  ligero_model_close(model);
  return failed;
}
