// Another place than this processor where planned graphs run, for one session or for many side by
// side: a GPU. Not: any of them (platforms/cuda).
#ifndef LIGERO_RUNTIME_DEVICE_H_
#define LIGERO_RUNTIME_DEVICE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "runtime/base/status.h"
#include "runtime/graph.h"
#include "runtime/interpreter.h"
#include "runtime/planner.h"

namespace ligero {

/// What one session does in a run.
struct Turn {
  bool runs = true;  ///< false: it stands still, and neither its state nor its output changes
  Extent extent;
};

/// A graph opened on a device for some sessions, which share its weights and go on together, each
/// with a signal of its own. As an Interpreter (which says what the functions mean), for each
/// session. One thread at a time. run() waits for the device, so it is not real-time safe in the
/// strict sense.
class DeviceRun {
 public:
  virtual ~DeviceRun() = default;

  /// Where the caller writes input `k` of the graph: max_frames rows of a sequence, or a constant.
  virtual float* input(int32_t session, size_t k) noexcept = 0;
  virtual void constants_changed(int32_t session) noexcept = 0;
  /// Output `k` of the last run, in the host's memory: max_frames rows, or a constant.
  virtual const float* output(int32_t session, size_t k) const noexcept = 0;

  /// Runs the plan's max_frames frames of every session that has its turn; one turn for each
  /// session. kUnsupportedHardware: the device has failed or is gone (Status::where: the driver's
  /// error), for good; outputs are then without meaning.
  virtual Status run(std::span<const Turn> turns) noexcept = 0;

  virtual void reset(int32_t session) noexcept = 0;

  /// Copies tensor `index` after an offline run with PlanOptions::keep_all. kBadArgument.
  virtual Status read(int32_t session, int32_t index, std::span<float> out) noexcept = 0;

  /// Of one session's memory on the device.
  virtual const MemoryReport& memory() const = 0;
};

/// It must outlive what it has opened.
class Device {
 public:
  virtual ~Device() = default;
  virtual const char* name() const = 0;

  /// Plans `graph` and opens it for `sessions` sessions. The weights are brought over once for all
  /// that run the same graph. nullptr: this run is left to the processor. Errors as make_plan();
  /// kTooLittleMemory: of the device (Status::where: bytes asked for); kUnsupportedModel: an op or a
  /// size that the device has no kernel for (Status::index: the node). Load time, any thread.
  virtual Result<std::unique_ptr<DeviceRun>> open(const Graph& graph,
                                                  const PlanOptions& options,
                                                  int32_t sessions) = 0;
};

}  // namespace ligero

#endif  // LIGERO_RUNTIME_DEVICE_H_
