// SPDX-License-Identifier: Apache-2.0
// What the machine says of itself: processor, clock, caches, memory, system. Not: how fast it is
// (peaks.h).
#ifndef LIGERO_PLATFORMS_CLI_BENCH_MACHINE_H_
#define LIGERO_PLATFORMS_CLI_BENCH_MACHINE_H_

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace ligero::cli {

struct Cache {
  int level = 0;
  std::string type;  ///< "Data", "Instruction", "Unified"
  int64_t bytes = 0;
  std::string cores;  ///< that share it with core 0, as the system lists them: "0-3"
};

/// Texts are empty and numbers 0 where the system does not tell.
struct Machine {
  std::string processor;
  std::string board;       ///< of a device tree
  std::string compatible;  ///< of a device tree: board and system on chip, the most exact first
  int cores = 0;           ///< that the system runs
  double mhz = 0.0;        ///< of core 0, as read
  double most_mhz = 0.0;
  std::string governor;  ///< of core 0's clock
  std::vector<Cache> caches;
  int64_t memory_bytes = 0;
  std::string system;  ///< its name and that of the kernel

  /// Of the data caches of core 0, that of `level`; level 0: the last. 0: none.
  int64_t cache_bytes(int level) const;
};

/// Reads /proc, /sys and /etc below `root` ("" but in tests).
Machine describe_machine(const std::string& root = "");

nlohmann::ordered_json to_json(const Machine& machine);

/// What the sensors below `root` tell now: objects with zone and celsius.
nlohmann::ordered_json temperatures(const std::string& root = "");

/// In one line for people.
std::string to_text(const Machine& machine);

/// The instruction sets that kernels take on a processor with the features `cpu`.
struct KernelSets {
  std::string f32;
  std::string int8;
  bool dot_product = false;  ///< there is an instruction for those of int8
};
KernelSets kernel_sets(uint32_t cpu);

nlohmann::ordered_json to_json(const KernelSets& sets);
std::string to_text(const KernelSets& sets);

/// The most memory that this process has had at once; 0 where the system does not tell.
int64_t peak_resident_bytes();

/// Lets that begin anew with what this process has now. Kernels without CONFIG_PROC_PAGE_MONITOR do
/// not.
void forget_peak_resident();

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_BENCH_MACHINE_H_
