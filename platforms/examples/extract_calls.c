/* SPDX-License-Identifier: Apache-2.0 */
/* Many calls at once, as a server has them: each its own person's voice out of its own sound, all in
 * one batch, which a GPU computes together. Not: one voice (extract_stream.c).
 *
 *   extract_calls MODEL (cpu | cuda | auto) (PROFILE INPUT OUTPUT.wav)...
 */
#include <ligero.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wav.h"

enum { kFrames = 320, kMostCalls = 1024 };

static wav sounds[kMostCalls];
static float buffers[kMostCalls][kFrames];

/* Says what went wrong where a call was refused. */
static int refused(ligero_status status, const char* what) {
  if (status != LIGERO_OK) {
    fprintf(stderr, "extract_calls: %s: %s\n", what, ligero_last_error());
  }
  return status != LIGERO_OK;
}

/* The problem that a file has, if any. */
static int cannot(const char* path, const char* problem) {
  if (problem != NULL) {
    fprintf(stderr, "extract_calls: '%s': %s\n", path, problem);
  }
  return problem != NULL;
}

/* Reads a call's sound and says whose voice its session passes. */
static int open_call(ligero_session* session, wav* sound, char** files) {
  ligero_profile* profile = NULL;
  int failed = cannot(files[1], wav_read(files[1], sound));
  if (!failed && (sound->rate_hz != 16000 || sound->channels != 1)) {
    failed = cannot(files[1], "expected 16000 Hz, mono");
  }
  failed = failed || refused(ligero_profile_load(files[0], &profile), files[0]) ||
           refused(ligero_set_target(session, profile), files[0]);
  ligero_profile_close(profile);
  return failed;
}

/* Tells the sessions of the sounds that end here. Returns how many frames come before the next end. */
static size_t frames_to_next_end(ligero_batch* batch, size_t calls, size_t at) {
  size_t frames = kFrames;
  for (size_t c = 0; c < calls; ++c) {
    if (at == sounds[c].frames) {
      ligero_finish(ligero_batch_session(batch, (uint32_t)c));
    } else if (at < sounds[c].frames && sounds[c].frames - at < frames) {
      frames = sounds[c].frames - at;
    }
  }
  return frames;
}

/* All sounds through their sessions, in place. A call whose sound is over stands still. What comes out
 * lags by `latency` frames: so many are dropped at the start, and as many zeros follow the end. */
static int process(ligero_batch* batch, size_t calls) {
  const size_t latency = ligero_latency(ligero_batch_session(batch, 0));
  const float* in[kMostCalls];
  float* out[kMostCalls];
  size_t going = calls;
  size_t frames = 0;
  for (size_t at = 0; going > 0; at += frames) {
    going = 0;
    frames = frames_to_next_end(batch, calls, at);
    for (size_t c = 0; c < calls; ++c) {
      const int here = at < sounds[c].frames + latency;
      going += here ? 1 : 0;
      in[c] = here ? buffers[c] : NULL;
      out[c] = buffers[c];
      for (size_t i = 0; i < frames; ++i) {
        buffers[c][i] = at + i < sounds[c].frames ? sounds[c].samples[at + i] : 0.0f;
      }
    }
    if (refused(ligero_batch_process(batch, in, out, (uint32_t)frames), "process")) {
      return 1;
    }
    for (size_t c = 0; c < calls; ++c) {
      for (size_t i = 0; in[c] != NULL && i < frames; ++i) {
        if (at + i >= latency && at + i - latency < sounds[c].frames) {
          sounds[c].samples[at + i - latency] = buffers[c][i];
        }
      }
    }
  }
  return 0;
}

int main(int argc, char** argv) {
  const size_t calls = argc > 3 ? (size_t)(argc - 3) / 3 : 0;
  ligero_session_config config = LIGERO_SESSION_CONFIG_INIT;
  const char* const devices[] = {"cpu", "cuda", "auto"}; /* the numbers of ligero_device */
  while (calls > 0 && config.device < 3 && strcmp(argv[2], devices[config.device]) != 0) {
    ++config.device;
  }
  if (calls == 0 || calls > kMostCalls || argc != 3 + 3 * (int)calls || config.device == 3) {
    fprintf(stderr, "usage: extract_calls MODEL (cpu | cuda | auto) (PROFILE INPUT OUTPUT.wav)...\n");
    return 2;
  }
  ligero_model* model = NULL;
  ligero_batch* batch = NULL;
  int failed = refused(ligero_model_open(argv[1], &model), argv[1]) ||
               refused(ligero_batch_create(model, &config, (uint32_t)calls, &batch), "batch");
  for (size_t c = 0; c < calls && !failed; ++c) {
    failed = open_call(ligero_batch_session(batch, (uint32_t)c), &sounds[c], argv + 3 + 3 * c);
  }
  failed = failed || process(batch, calls);
  for (size_t c = 0; c < calls; ++c) {
    const char* path = argv[5 + 3 * c];
    failed = failed || cannot(path, wav_write(path, &sounds[c]));
    free(sounds[c].samples);
  }
  ligero_batch_destroy(batch);
  ligero_model_close(model);
  return failed;
}
