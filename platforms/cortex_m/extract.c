/* SPDX-License-Identifier: Apache-2.0 */
/* The example to start from: a model and a profile in flash, all memory in one arena, a recording from the
 * host hop by hop, the voice back; then what it took. Not: starting up (startup.c). */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "platforms/cortex_m/semihosting.h"
#include "platforms/cortex_m/ticks.h"
#include "runtime/api/ligero.h"

/* Files in flash, or arrays: _Alignas(64) const unsigned char ligero_rom_model[] = {...}; */
extern const unsigned char ligero_rom_model[], ligero_rom_profile[];
/* Of the linker script. */
extern unsigned char ligero_block[];
extern const unsigned char ligero_block_bytes[]; /* its address is the number */
extern uint32_t ligero_stack_begin[], ligero_stack_end[];

#define MOST_HOP_SAMPLES 256
static const uint32_t kUntouched = 0xC0FFEE11; /* stack that nothing has written to */

/* Both files state their length 16 bytes from their beginning. */
static size_t file_bytes(const unsigned char* file) {
  uint64_t bytes;
  memcpy(&bytes, file + 16, sizeof(bytes));
  return (size_t)bytes;
}

/* Fills what of the stack is free. */
static void paint_stack(void) {
  volatile uint32_t* top;
  __asm__ volatile("mov %0, sp" : "=r"(top));
  for (volatile uint32_t* p = ligero_stack_begin; p < top; ++p) {
    *p = kUntouched;
  }
}

static size_t most_stack_bytes(void) {
  const uint32_t* p = ligero_stack_begin;
  while (p < ligero_stack_end && *p == kUntouched) {
    ++p;
  }
  return (size_t)(ligero_stack_end - p) * sizeof(uint32_t);
}

static int refuse(const char* what) {
  board_say(what);
  board_say(": ");
  board_say(ligero_last_error());
  board_say("\n");
  return 1;
}

/* Every whole hop of the recording; 0 where the voice cannot be written. */
static int extract(ligero_session* session, uint32_t hop_samples, int32_t in, int32_t out) {
  static float hop[MOST_HOP_SAMPLES];
  const size_t bytes = hop_samples * sizeof(float);
  int64_t hops = 0;
  int64_t ticks = 0;
  int64_t most_ticks = 0;
  while (board_read(in, hop, bytes) == bytes) {
    const float* const from = hop;
    float* const to = hop;
    const uint32_t before = board_ticks();
    ligero_process(session, &from, &to, hop_samples);
    const int64_t took = board_ticks_since(before);
    ++hops;
    ticks += took;
    most_ticks = took > most_ticks ? took : most_ticks;
    if (board_write(out, hop, bytes) != bytes) {
      return 0;
    }
  }
  board_say_number("hops", hops);
  board_say_number("ticks.million", board_ticks_per_million());
  board_say_number("ticks.mean", hops > 0 ? ticks / hops : 0);
  board_say_number("ticks.most", most_ticks);
  return 1;
}

static int run(void) {
  ligero_model* model;
  if (ligero_model_open_in(ligero_rom_model, file_bytes(ligero_rom_model), ligero_block,
                           (size_t)ligero_block_bytes, &model) != LIGERO_OK) {
    return refuse("model");
  }
  ligero_model_info info = LIGERO_MODEL_INFO_INIT;
  info.struct_bytes = offsetof(ligero_model_info, name); /* not the costs: they need a plan */
  if (ligero_get_model_info(model, &info) != LIGERO_OK || info.hop_samples > MOST_HOP_SAMPLES) {
    return refuse("model");
  }
  ligero_session_config config = LIGERO_SESSION_CONFIG_INIT;
  config.rate_hz = info.rate_hz;
  ligero_session* session;
  if (ligero_session_create(model, &config, NULL, 0, &session) != LIGERO_OK) {
    return refuse("session");
  }
  if (info.takes_profile && ligero_set_target_data(session, 0, ligero_rom_profile,
                                                   file_bytes(ligero_rom_profile)) != LIGERO_OK) {
    return refuse("profile");
  }
  board_say_number("bytes.block", (int64_t)ligero_arena_bytes(model));
  board_say_number("latency.samples", ligero_latency(session));
  const int32_t in = board_open("mixture.raw", BOARD_READ);
  const int32_t out = board_open("voice.raw", BOARD_WRITE);
  if (in < 0 || out < 0 || !extract(session, info.hop_samples, in, out)) {
    board_say("cannot read mixture.raw or write voice.raw\n");
    return 1;
  }
  board_close(in);
  board_close(out);
  return 0;
}

int main(void) {
  paint_stack();
  board_start_ticks();
  const int code = run();
  board_say_number("bytes.stack", (int64_t)most_stack_bytes());
  return code;
}
