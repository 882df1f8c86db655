// SPDX-License-Identifier: Apache-2.0
// Reads what Linux tells of the machine.
#include "platforms/cli/bench/machine.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

#include "ops/kernels/gemm/gemm.h"
#include "platforms/cli/refusal.h"
#include "runtime/base/cpu.h"

namespace ligero::cli {

namespace {

using Json = nlohmann::ordered_json;

constexpr double kKhzPerMhz = 1000.0;
constexpr double kMib = 1024.0 * 1024.0;

/// The first line of a file; empty where there is none. A device tree's texts end with a zero.
std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line.substr(0, line.find('\0'));
}

/// The texts of a device tree's list, "a, b".
std::string list_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string names;
  for (std::string name; std::getline(file, name, '\0');) {
    names += text(names.empty() ? "" : ", ", name);
  }
  return names;
}

/// What follows "`key` :" or "`key`=" in each line of `path` that has it, without quotes.
std::vector<std::string> values_of(const std::string& path, const std::string& key) {
  std::ifstream file(path);
  std::vector<std::string> values;
  for (std::string line; std::getline(file, line);) {
    const size_t mark = line.find_first_of(":=");
    if (!line.starts_with(key) || mark == std::string::npos ||
        line.find_first_not_of(" \t", key.size()) != mark) {
      continue;
    }
    const size_t begin = line.find_first_not_of(" \t\"", mark + 1);
    const size_t end = line.find_last_not_of(" \t\"");
    values.push_back(begin == std::string::npos ? "" : line.substr(begin, end - begin + 1));
  }
  return values;
}

/// The first of them; empty where there is none.
std::string value_of(const std::string& path, const std::string& key) {
  const std::vector<std::string> values = values_of(path, key);
  return values.empty() ? "" : values.front();
}

double number(const std::string& text) {
  double value = 0.0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// "1024K" as bytes.
int64_t bytes_of(const std::string& size) {
  int64_t scale = size.ends_with('K') ? 1 << 10 : size.ends_with('M') ? 1 << 20 : 1;
  return scale * static_cast<int64_t>(number(size));
}

/// Part numbers of ARM's own cores (implementer 0x41), from their reference manuals' MIDR_EL1.
struct ArmPart {
  const char* part;
  const char* name;
};
constexpr ArmPart kArmParts[] = {
    {"0xc07", "Cortex-A7"},
    {"0xc09", "Cortex-A9"},
    {"0xc0f", "Cortex-A15"},
    {"0xd03", "Cortex-A53"},
    {"0xd04", "Cortex-A35"},
    {"0xd05", "Cortex-A55"},
    {"0xd07", "Cortex-A57"},
    {"0xd08", "Cortex-A72"},
    {"0xd09", "Cortex-A73"},
    {"0xd0a", "Cortex-A75"},
    {"0xd0b", "Cortex-A76"},
    {"0xd0c", "Neoverse-N1"},
    {"0xd0d", "Cortex-A77"},
    {"0xd41", "Cortex-A78"},
};

std::string arm_core(const std::string& implementer, const std::string& part) {
  for (const ArmPart& known : kArmParts) {
    if (implementer == "0x41" && part == known.part) {
      return known.name;
    }
  }
  return text("implementer ", implementer, ", part ", part);
}

/// x86 gives its name; ARM gives numbers of who made each core and which it is: "Cortex-A53", or
/// "4 x Cortex-A53, 2 x Cortex-A72" where they differ.
std::string processor(const std::string& cpus) {
  if (std::string name = value_of(cpus, "model name"); !name.empty()) {
    return name;
  }
  std::vector<std::pair<std::string, int>> kinds;
  for (const std::string& part : values_of(cpus, "CPU part")) {
    const std::string core = arm_core(value_of(cpus, "CPU implementer"), part);
    if (kinds.empty() || kinds.back().first != core) {
      kinds.emplace_back(core, 0);
    }
    ++kinds.back().second;
  }
  if (kinds.empty()) {
    return value_of(cpus, "Hardware");
  }
  std::string names = kinds.front().first;
  if (kinds.size() > 1) {
    names.clear();
    for (const auto& [name, count] : kinds) {
      names += text(names.empty() ? "" : ", ", count, " x ", name);
    }
  }
  return names;
}

std::vector<Cache> caches(const std::string& core) {
  std::vector<Cache> found;
  for (int index = 0;; ++index) {
    const std::string folder = text(core, "/cache/index", index, "/");
    const std::string size = first_line(folder + "size");
    if (size.empty()) {
      return found;
    }
    found.push_back({static_cast<int>(number(first_line(folder + "level"))),
                     first_line(folder + "type"),
                     bytes_of(size),
                     first_line(folder + "shared_cpu_list")});
  }
}

}  // namespace

int64_t Machine::cache_bytes(int level) const {
  int64_t bytes = 0;
  int highest = 0;
  for (const Cache& cache : caches) {
    if (cache.type != "Instruction" && cache.level >= highest &&
        (level == 0 || cache.level == level)) {
      highest = cache.level;
      bytes = cache.bytes;
    }
  }
  return bytes;
}

Machine describe_machine(const std::string& root) {
  const std::string core = root + "/sys/devices/system/cpu/cpu0";
  const std::string cpus = root + "/proc/cpuinfo";
  Machine machine;
  machine.processor = processor(cpus);
  machine.board = first_line(root + "/proc/device-tree/model");
  machine.compatible = list_of(root + "/proc/device-tree/compatible");
  machine.cores = static_cast<int>(std::max(1l, sysconf(_SC_NPROCESSORS_ONLN)));
  machine.mhz = number(first_line(core + "/cpufreq/scaling_cur_freq")) / kKhzPerMhz;
  if (machine.mhz == 0.0) {
    machine.mhz = number(value_of(cpus, "cpu MHz"));
  }
  machine.most_mhz = number(first_line(core + "/cpufreq/cpuinfo_max_freq")) / kKhzPerMhz;
  machine.governor = first_line(core + "/cpufreq/scaling_governor");
  machine.caches = caches(core);
  machine.memory_bytes = static_cast<int64_t>(number(value_of(root + "/proc/meminfo", "MemTotal")))
                         << 10;
  utsname kernel = {};
  uname(&kernel);
  const std::string name = value_of(root + "/etc/os-release", "PRETTY_NAME");
  machine.system = text(
      name, name.empty() ? "" : ", ", kernel.sysname, " ", kernel.release, " ", kernel.machine);
  return machine;
}

Json to_json(const Machine& machine) {
  Json caches = Json::array();
  for (const Cache& cache : machine.caches) {
    caches.push_back({{"level", cache.level},
                      {"type", cache.type},
                      {"bytes", cache.bytes},
                      {"cores", cache.cores}});
  }
  return {{"processor", machine.processor},
          {"board", machine.board},
          {"compatible", machine.compatible},
          {"cores", machine.cores},
          {"mhz", machine.mhz},
          {"most_mhz", machine.most_mhz},
          {"governor", machine.governor},
          {"caches", caches},
          {"memory_bytes", machine.memory_bytes},
          {"system", machine.system}};
}

Json temperatures(const std::string& root) {
  constexpr double kMilli = 1e-3;
  Json found = Json::array();
  for (int zone = 0;; ++zone) {
    const std::string folder = text(root, "/sys/class/thermal/thermal_zone", zone, "/");
    const std::string value = first_line(folder + "temp");
    if (value.empty()) {
      return found;
    }
    found.push_back({{"zone", first_line(folder + "type")}, {"celsius", kMilli * number(value)}});
  }
}

std::string to_text(const Machine& machine) {
  const auto or_unknown = [](const std::string& name) { return name.empty() ? "unknown" : name; };
  std::string line = text(or_unknown(machine.board.empty() ? machine.processor : machine.board),
                          ", ",
                          machine.cores,
                          machine.cores == 1 ? " core" : " cores");
  if (machine.mhz > 0.0) {
    line += text(" at ", static_cast<int>(machine.mhz), " MHz");
  }
  line += text(" (governor ", or_unknown(machine.governor), ")");
  for (const Cache& cache : machine.caches) {
    if (cache.type != "Instruction") {
      line += text(", L", cache.level, " ", cache.bytes >> 10, " KiB");
    }
  }
  return text(line,
              ", memory ",
              static_cast<int>(static_cast<double>(machine.memory_bytes) / kMib),
              " MiB, ",
              machine.system);
}

KernelSets kernel_sets(uint32_t cpu) {
  return {kGemmVariants.best(cpu).name,
          kGemmQ8Variants.best(cpu).name,
          (cpu & (kCpuVnni | kCpuNeonDot)) != 0};
}

Json to_json(const KernelSets& sets) {
  return {{"f32", sets.f32}, {"int8", sets.int8}, {"int8_dot_product", sets.dot_product}};
}

std::string to_text(const KernelSets& sets) {
  return text(sets.f32,
              "; int8: ",
              sets.int8,
              sets.dot_product ? "" : ", as this processor has no dot-product instruction");
}

// Not getrusage(): a process started by vfork() has its parent's peak in there.
int64_t peak_resident_bytes() {
  return static_cast<int64_t>(number(value_of("/proc/self/status", "VmHWM"))) << 10;
}

void forget_peak_resident() {
  std::ofstream("/proc/self/clear_refs") << "5";
}

}  // namespace ligero::cli
