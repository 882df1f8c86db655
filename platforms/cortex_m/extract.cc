// The program that runs on the board: model and profile in place in ROM, a recording from the host
// hop by hop, the voice back; then what it took. Not: starting up, memory.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>

#include "model/format/file_header.h"
#include "model/format/loader.h"
#include "model/format/profile.h"
#include "model/speech/session.h"
#include "model/speech/stream.h"
#include "platforms/capi/library_ops.h"
#include "platforms/cortex_m/arena.h"
#include "platforms/cortex_m/semihosting.h"
#include "platforms/cortex_m/ticks.h"
#include "runtime/base/cpu.h"

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

/// Every whole hop of the recording; false where the voice cannot be written.
bool extract(Stream* stream, int32_t in, int32_t out, Counts* counts) {
  float hop[kHopSamples];
  while (read_file(in, hop, sizeof(hop)) == sizeof(hop)) {
    const float* const from = hop;
    float* const to = hop;
    const uint32_t before = ticks();
    stream->process(&from, &to, kHopSamples);
    const int64_t took = ticks_since(before);
    ++counts->hops;
    counts->ticks += took;
    counts->most_ticks = took > counts->most_ticks ? took : counts->most_ticks;
    if (write_file(out, hop, sizeof(hop)) != sizeof(hop)) {
      return false;
    }
  }
  return true;
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
  StreamConfig config;
  config.cpu = cpu_features();
  const Result<size_t> needed = Stream::bytes_needed(model.value(), config);
  if (!needed.ok()) {
    refuse("session", needed.status());
    return 1;
  }
  say("bytes.session", static_cast<int64_t>(needed.value()));
  void* block = ::operator new[](needed.value(), std::align_val_t(kAlignment), std::nothrow);
  Stream stream;
  if (const Status created = stream.create(model.value(), config, block, needed.value());
      !created.ok()) {
    refuse("session", created);
    return 1;
  }
  {
    const Result<Profile> profile = Profile::view(profile_in_rom());
    const Status set = profile.ok() ? stream.set_target(profile.value()) : profile.status();
    if (!set.ok()) {
      refuse("profile", set);
      return 1;
    }
  }
  const MemoryReport& memory = stream.memory();
  say("bytes.state", static_cast<int64_t>(memory.state_bytes));
  say("bytes.activations", static_cast<int64_t>(memory.activation_bytes));
  say("bytes.scratch", static_cast<int64_t>(memory.scratch_bytes));
  say("bytes.worked_out", static_cast<int64_t>(memory.data_bytes));
  say("bytes.tables", static_cast<int64_t>(bytes_taken() - needed.value()));
  say("bytes.block", static_cast<int64_t>(most_bytes_taken()));
  const int32_t in = open_file("mixture.raw", FileMode::kRead);
  const int32_t out = open_file("voice.raw", FileMode::kWrite);
  if (in < 0 || out < 0) {
    say("cannot open mixture.raw or voice.raw\n");
    return 1;
  }
  Counts counts;
  const bool written = extract(&stream, in, out, &counts);
  close_file(in);
  close_file(out);
  if (!written) {
    say("cannot write voice.raw\n");
    return 1;
  }
  say("latency.samples", stream.latency_samples());
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
