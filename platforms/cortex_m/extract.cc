// SPDX-License-Identifier: Apache-2.0
// The program that runs on the board: model and profile in place in ROM, a recording from the host
// hop by hop, the voice back; then what it took. Not: starting up, memory.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>
#include <utility>

#include "model/format/file_header.h"
#include "model/format/loader.h"
#include "model/format/profile.h"
#include "model/session/session.h"
#include "platforms/capi/library_ops.h"
#include "platforms/cortex_m/arena.h"
#include "platforms/cortex_m/semihosting.h"
#include "platforms/cortex_m/ticks.h"
#include "runtime/base/array.h"

extern "C" {
extern const std::byte ligero_rom_model[], ligero_rom_profile[];
extern std::byte ligero_block[];
extern const std::byte ligero_block_bytes[];  // its address is the number
extern uint32_t ligero_stack_begin[], ligero_stack_end[];
}

namespace ligero::board {
namespace {

constexpr uint32_t kUntouched = 0xC0FFEE11;  // stack that nothing has written to

void refuse(const char* what, const Status& status) {
  say(what);
  say(": ");
  say(status.message);
  say("\n");
  say("  index", status.index);
  say("  value", status.where);
}

/// The files' own headers say how long they are.
std::span<const std::byte> model_in_rom() {
  ModelHeader header;
  std::memcpy(&header, ligero_rom_model, sizeof(header));
  return {ligero_rom_model, static_cast<size_t>(header.file_bytes)};
}
std::span<const std::byte> profile_in_rom() {
  constexpr size_t kFileBytesAt = 16;  // profile.h
  uint64_t bytes;
  std::memcpy(&bytes, ligero_rom_profile + kFileBytesAt, sizeof(bytes));
  return {ligero_rom_profile, static_cast<size_t>(bytes)};
}

/// Fills what of the stack is free.
void paint_stack() {
  volatile uint32_t* top;
  __asm__ volatile("mov %0, sp" : "=r"(top));
  for (volatile uint32_t* p = ligero_stack_begin; p < top; ++p) {
    *p = kUntouched;
  }
}

size_t most_stack_bytes() {
  const uint32_t* p = ligero_stack_begin;
  while (p < ligero_stack_end && *p == kUntouched) {
    ++p;
  }
  return static_cast<size_t>(ligero_stack_end - p) * sizeof(uint32_t);
}

struct Counts {
  int64_t hops = 0;
  int64_t ticks = 0;
  int64_t most_ticks = 0;
};

/// Every whole hop of the recording, through `hop`; false where the voice cannot be written.
bool extract(SessionGroup* session, std::span<float> hop, int32_t in, int32_t out, Counts* counts) {
  const size_t bytes = hop.size_bytes();
  while (read_file(in, hop.data(), bytes) == bytes) {
    const float* const from = hop.data();
    float* const to = hop.data();
    const uint32_t before = ticks();
    session->process(&from, &to, static_cast<int32_t>(hop.size()));
    const int64_t took = ticks_since(before);
    ++counts->hops;
    counts->ticks += took;
    counts->most_ticks = took > counts->most_ticks ? took : counts->most_ticks;
    if (write_file(out, hop.data(), bytes) != bytes) {
      return false;
    }
  }
  return true;
}

/// Starts the session at the model's rate; returns the bytes of its block, 0: refused. A function of
/// its own, so that the plan leaves the stack before sound comes.
size_t start(const Model& model, SessionGroup* session) {
  SessionConfig config;
  config.rate_hz = model.rate_hz();
  Result<SessionPlan> plan = plan_sessions(model, config);
  if (!plan.ok()) {
    refuse("session", plan.status());
    return 0;
  }
  const size_t bytes = plan.value().bytes;
  say("bytes.session", static_cast<int64_t>(bytes));
  void* block = ::operator new[](bytes, std::align_val_t(kAlignment), std::nothrow);
  const Status started = session->start(std::move(plan.value()), block, bytes);
  if (!started.ok()) {
    refuse("session", started);
    return 0;
  }
  return bytes;
}

int run() {
  use_block(ligero_block, reinterpret_cast<size_t>(ligero_block_bytes));
  Fault fault;
  Result<Model> model = Model::open(model_in_rom(), library_ops(), {}, &fault);
  if (!model.ok()) {
    say(fault.text);
    refuse("\nmodel", model.status());
    return 1;
  }
  say("bytes.model", static_cast<int64_t>(bytes_taken()));
  SessionGroup session;
  const size_t needed = start(model.value(), &session);
  if (needed == 0) {
    return 1;
  }
  if (session.ports().takes_profile()) {
    const Result<Profile> profile = Profile::view(profile_in_rom());
    const Status set = profile.ok() ? session[0].set_target(profile.value()) : profile.status();
    if (!set.ok()) {
      refuse("profile", set);
      return 1;
    }
  }
  Array<float> hop;
  if (!hop.allocate(static_cast<size_t>(session.ports().hop_samples))) {
    say("no memory for a hop\n");
    return 1;
  }
  const MemoryReport& memory = session.memory();
  say("bytes.state", static_cast<int64_t>(memory.state_bytes));
  say("bytes.activations", static_cast<int64_t>(memory.activation_bytes));
  say("bytes.scratch", static_cast<int64_t>(memory.scratch_bytes));
  say("bytes.worked_out", static_cast<int64_t>(memory.data_bytes));
  say("bytes.tables", static_cast<int64_t>(bytes_taken() - needed));
  say("bytes.block", static_cast<int64_t>(most_bytes_taken()));
  const int32_t in = open_file("mixture.raw", FileMode::kRead);
  const int32_t out = open_file("voice.raw", FileMode::kWrite);
  if (in < 0 || out < 0) {
    say("cannot open mixture.raw or voice.raw\n");
    return 1;
  }
  Counts counts;
  const bool written = extract(&session, {hop.data(), hop.size()}, in, out, &counts);
  close_file(in);
  close_file(out);
  if (!written) {
    say("cannot write voice.raw\n");
    return 1;
  }
  say("latency.samples", session[0].latency_samples());
  say("hops", counts.hops);
  say("ticks.million", ticks_per_million());
  say("ticks.mean", counts.hops > 0 ? counts.ticks / counts.hops : 0);
  say("ticks.most", counts.most_ticks);
  return 0;
}

}  // namespace
}  // namespace ligero::board

int main() {
  ligero::board::paint_stack();
  ligero::board::start_ticks();
  const int code = ligero::board::run();
  ligero::board::say("bytes.stack", static_cast<int64_t>(ligero::board::most_stack_bytes()));
  return code;
}
