// Every session as far as it comes without the network, then the network for all that wait for it.
#include "model/speech/batch.h"

#include <new>
#include <utility>

#include "runtime/base/checked.h"
#include "runtime/base/fpmode.h"

namespace ligero {

Status Batch::create(const Model& model, const StreamConfig& config, int32_t sessions) {
  LIGERO_CHECK(sessions >= 1 && sessions <= kMostSessions,
               Code::kBadArgument,
               "a batch has 1 to 65535 sessions",
               -1,
               sessions);
  const Result<size_t> needed = Stream::bytes_needed(model, config);
  LIGERO_RETURN_IF_ERROR(needed.status());
  const size_t bytes = align_up(needed.value());
  const auto count = static_cast<size_t>(sessions);
  AlignedBlock block;
  std::unique_ptr<Stream[]> streams(new (std::nothrow) Stream[count]);
  LIGERO_CHECK(bytes <= SIZE_MAX / count && streams != nullptr && block.allocate(bytes * count) &&
                   seats_.allocate(count) && turns_.allocate(count),
               Code::kTooLittleMemory,
               "no memory for the sessions of a batch: 'where' is the bytes of one",
               -1,
               static_cast<int64_t>(bytes));
  std::unique_ptr<DeviceRun> run;
  if (config.device != nullptr) {
    Result<std::unique_ptr<DeviceRun>> opened = Stream::open_device(model, config, sessions);
    LIGERO_RETURN_IF_ERROR(opened.status());
    run = std::move(opened.value());
  }
  for (size_t s = 0; s < count; ++s) {
    LIGERO_RETURN_IF_ERROR(streams[s].prepare(
        model, config, block.data() + s * bytes, bytes, run.get(), static_cast<int32_t>(s)));
  }
  streams_ = std::move(streams);
  run_ = std::move(run);
  block_ = std::move(block);
  sessions_ = sessions;
  channels_ = config.channels;
  return {};
}

/// False where every session has done all its samples.
bool Batch::advance(const float* const* in, float* const* out, int32_t frames) noexcept {
  bool waits = false;
  for (size_t s = 0; s < seats_.size(); ++s) {
    Seat& seat = seats_[s];
    Stream& stream = streams_[s];
    const size_t first = s * static_cast<size_t>(channels_);
    while (seat.at < frames) {
      if (!seat.open) {
        seat.piece = stream.take(in + first, seat.at, frames - seat.at);
        seat.open = true;
      }
      if (stream.block_is_full()) {
        waits = true;
        break;
      }
      stream.give(seat.piece, out + first, seat.at);
      seat.at += seat.piece.frames;
      seat.open = false;
    }
  }
  return waits;
}

void Batch::run_blocks() noexcept {
  bool any = false;
  for (size_t s = 0; s < seats_.size(); ++s) {
    Turn& turn = turns_[s];
    turn.runs = seats_[s].open && streams_[s].open_block(&turn.extent);
    any = any || (turn.runs && streams_[s].on_device());
  }
  const bool ran = any && run_->run(turns_.span()).ok();
  for (size_t s = 0; s < seats_.size(); ++s) {
    if (seats_[s].open) {
      Stream& stream = streams_[s];
      const float* voice = nullptr;
      if (turns_[s].runs) {
        voice = ran && stream.on_device() ? stream.device_output()
                                          : stream.run_on_processor(turns_[s].extent);
      }
      stream.close_block(voice);
    }
  }
}

void Batch::process(const float* const* in, float* const* out, int32_t frames) noexcept {
  const FlushToZero mode;
  for (size_t s = 0; s < seats_.size(); ++s) {
    const bool here = in[s * static_cast<size_t>(channels_)] != nullptr;
    seats_[s] = {here ? 0 : frames, false, {}};
    if (here) {
      streams_[s].count(frames);
    }
  }
  while (advance(in, out, frames)) {
    run_blocks();
  }
}

}  // namespace ligero
