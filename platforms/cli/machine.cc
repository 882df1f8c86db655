// Reads what Linux tells of the machine.
#include "platforms/cli/machine.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <nlohmann/json.hpp>

#include "ops/kernels/product/product.h"
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

/// What follows "`key` :" or "`key`=" in the first line of `path` that has it, without quotes.
std::string value_of(const std::string& path, const std::string& key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const size_t mark = line.find_first_of(":=");
    if (!line.starts_with(key) || mark == std::string::npos ||
        line.find_first_not_of(" \t", key.size()) != mark) {
      continue;
    }
    const size_t begin = line.find_first_not_of(" \t\"", mark + 1);
    const size_t end = line.find_last_not_of(" \t\"");
    return begin == std::string::npos ? "" : line.substr(begin, end - begin + 1);
  }
  return "";
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

/// x86 gives its name; ARM gives numbers of who made it and which it is.
std::string processor(const std::string& cpus) {
  for (const char* key : {"model name", "Hardware"}) {
    if (std::string name = value_of(cpus, key); !name.empty()) {
      return name;
    }
  }
  const std::string part = value_of(cpus, "CPU part");
  return part.empty() ? ""
                      : text("implementer ", value_of(cpus, "CPU implementer"), ", part ", part);
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
          {"cores", machine.cores},
          {"mhz", machine.mhz},
          {"most_mhz", machine.most_mhz},
          {"governor", machine.governor},
          {"caches", caches},
          {"memory_bytes", machine.memory_bytes},
          {"system", machine.system}};
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
  return {product_kernels(cpu).name,
          product_q8_kernels(cpu).name,
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

}  // namespace ligero::cli
