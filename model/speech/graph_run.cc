// GraphRun: plan, block, inputs, outputs. Not: what the graph means.
#include "model/speech/graph_run.h"

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include <algorithm>
#include <utility>

namespace ligero {

void AlignedBlock::Free::operator()(std::byte* p) const {
  ::operator delete[](p, alignment);
}

bool AlignedBlock::allocate(size_t bytes) {
  const bool large = bytes >= kLargePageBytes;
  const Free free{std::align_val_t{large ? kLargePageBytes : kAlignment}};
  data_ = {static_cast<std::byte*>(
               ::operator new[](bytes == 0 ? 1 : bytes, free.alignment, std::nothrow)),
           free};
  size_ = data_ ? bytes : 0;
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  if (large && data_) {
    // Refused where the kernel has no large pages: then it is as it was.
    (void)madvise(data_.get(), bytes, MADV_HUGEPAGE);
  }
#endif
  return data_ != nullptr;
}

Result<GraphRun> GraphRun::prepare(const Graph& graph,
                                   int32_t frames,
                                   int64_t total_samples,
                                   Keep keep,
                                   const RunOptions& options) {
  LIGERO_CHECK(frames >= 1, Code::kBadArgument, "a run needs at least one frame", -1, frames);
  PlanOptions plan_options;
  plan_options.mode = Mode::kOffline;
  plan_options.max_frames = frames;
  plan_options.cpu = options.cpu;
  plan_options.threads = options.pool == nullptr ? 1 : options.pool->threads();
  plan_options.keep_all = keep == Keep::kAll;
  GraphRun run;
  run.graph_ = &graph;
  run.extent_ = Extent{frames, total_samples};
  run.frames_ = frames;
  run.keep_ = keep;
  LIGERO_CHECK(run.input_set_.allocate(graph.inputs.size()),
               Code::kTooLittleMemory,
               "not enough memory for the run");
  if (options.device != nullptr) {
    Result<std::unique_ptr<DeviceRun>> opened = options.device->open(graph, plan_options, 1);
    LIGERO_RETURN_IF_ERROR(opened.status());
    run.device_run_ = std::move(opened.value());
    if (run.device_run_) {
      return run;
    }
  }
  Result<Plan> plan = make_plan(graph, plan_options);
  LIGERO_RETURN_IF_ERROR(plan.status());
  LIGERO_RETURN_IF_ERROR(run.prepare_block(std::move(plan.value()), options));
  return run;
}

Status GraphRun::prepare_block(Plan plan, const RunOptions& options) {
  const size_t bytes = plan.bytes();
  LIGERO_CHECK(bytes <= options.budget_bytes,
               Code::kTooLittleMemory,
               "the run needs more memory than its budget",
               -1,
               static_cast<int64_t>(bytes));
  LIGERO_CHECK(block_.allocate(bytes),
               Code::kTooLittleMemory,
               "not enough memory for the run",
               -1,
               static_cast<int64_t>(bytes));
  interpreter_.set_watch(options.watch);
  return interpreter_.prepare(*graph_, std::move(plan), block_.data(), bytes, options.pool);
}

float* GraphRun::input(size_t k) {
  input_set_[k] = true;
  return device_run_ ? device_run_->input(0, k) : interpreter_.input(k);
}

Status GraphRun::set_input(std::string_view name, std::span<const float> from) {
  LIGERO_CHECK(graph_ != nullptr, Code::kBadState, "the run is not prepared");
  for (size_t k = 0; k < graph_->inputs.size(); ++k) {
    const int32_t t = graph_->inputs[k];
    if (graph_->tensors[static_cast<size_t>(t)].name != name) {
      continue;
    }
    LIGERO_CHECK(static_cast<int64_t>(from.size()) == values(t),
                 Code::kBadArgument,
                 "an input has not as many values as the graph takes",
                 static_cast<int32_t>(k),
                 values(t));
    std::copy(from.begin(), from.end(), input(k));
    return {};
  }
  return error(Code::kBadArgument, "the graph has no input of that name");
}

Status GraphRun::run() {
  LIGERO_CHECK(graph_ != nullptr, Code::kBadState, "the run is not prepared");
  for (size_t k = 0; k < input_set_.size(); ++k) {
    LIGERO_CHECK(
        input_set_[k], Code::kBadState, "an input has not been set", static_cast<int32_t>(k));
  }
  if (device_run_) {
    const Turn turn = {true, extent_};
    LIGERO_RETURN_IF_ERROR(device_run_->run({&turn, 1}));
  } else {
    interpreter_.run(frames_, extent_);
  }
  std::fill(input_set_.begin(), input_set_.end(), false);
  has_run_ = true;
  return {};
}

int64_t GraphRun::values(int32_t index) const {
  if (graph_ == nullptr || index < 0 || static_cast<size_t>(index) >= graph_->tensors.size()) {
    return 0;
  }
  const Tensor& t = graph_->tensors[static_cast<size_t>(index)];
  switch (t.kind) {
    case Kind::kSequence:
      return t.elements() * frames_;
    case Kind::kConstant:
      return t.elements();
    case Kind::kWeight:
      break;
  }
  return 0;
}

Status GraphRun::read(int32_t index, std::span<float> out) const {
  LIGERO_CHECK(has_run_, Code::kBadState, "nothing has been run");
  LIGERO_CHECK(values(index) > 0 && static_cast<int64_t>(out.size()) == values(index),
               Code::kBadArgument,
               "no such tensor, or not as many values as it has",
               index,
               values(index));
  const auto& outputs = graph_->outputs;
  LIGERO_CHECK(
      keep_ == Keep::kAll || std::find(outputs.begin(), outputs.end(), index) != outputs.end(),
      Code::kBadState,
      "only outputs can be read unless all tensors are kept",
      index);
  if (device_run_ && keep_ == Keep::kAll) {
    return device_run_->read(0, index, out);
  }
  const auto k =
      static_cast<size_t>(std::find(outputs.begin(), outputs.end(), index) - outputs.begin());
  const float* from = device_run_ ? device_run_->output(0, k) : interpreter_.tensor(index);
  std::copy(from, from + out.size(), out.begin());
  return {};
}

}  // namespace ligero
