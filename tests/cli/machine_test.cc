// SPDX-License-Identifier: Apache-2.0
// What a machine tells, from trees like those of real ones; peaks and the roofline. Not: how fast
// this machine is.
#include "platforms/cli/bench/machine.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "platforms/cli/bench/peaks.h"
#include "runtime/base/cpu.h"
#include "tests/cli/tool.h"

namespace ligero::testing {
namespace {

using cli::Bound;
using cli::Machine;
using cli::Peaks;

void put(const Folder& root, const std::string& path, const std::string& content) {
  std::filesystem::create_directories(std::filesystem::path(root / path).parent_path());
  write_file(root / path, content);
}

void put_cache(
    const Folder& root, int index, const char* level, const char* type, const char* size) {
  const std::string at = "sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index) + "/";
  put(root, at + "level", std::string(level) + "\n");
  put(root, at + "type", std::string(type) + "\n");
  put(root, at + "size", std::string(size) + "\n");
  put(root, at + "shared_cpu_list", "0-3\n");
}

TEST_CASE("machine: a board's name, clock, governor and caches are read") {
  const Folder root;
  put(root, "proc/cpuinfo", "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd03\n");
  put(root, "proc/device-tree/model", std::string("Raspberry Pi 3 Model B\0", 23));
  put(root,
      "proc/device-tree/compatible",
      std::string("raspberrypi,3-model-b\0brcm,bcm2837\0", 35));
  put(root, "proc/meminfo", "MemTotal:         948304 kB\nMemFree: 1 kB\n");
  put(root, "etc/os-release", "NAME=x\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n");
  const std::string clock = "sys/devices/system/cpu/cpu0/cpufreq/";
  put(root, clock + "scaling_cur_freq", "600000\n");
  put(root, clock + "cpuinfo_max_freq", "1200000\n");
  put(root, clock + "scaling_governor", "ondemand\n");
  put_cache(root, 0, "1", "Data", "32K");
  put_cache(root, 1, "1", "Instruction", "48K");
  put_cache(root, 2, "2", "Unified", "512K");
  const Machine machine = cli::describe_machine(root / "");
  CHECK(machine.board == "Raspberry Pi 3 Model B");
  CHECK(machine.processor == "Cortex-A53");
  CHECK(machine.compatible == "raspberrypi,3-model-b, brcm,bcm2837");
  CHECK(machine.mhz == 600.0);
  CHECK(machine.most_mhz == 1200.0);
  CHECK(machine.governor == "ondemand");
  CHECK(machine.memory_bytes == int64_t{948304} * 1024);
  CHECK(machine.cache_bytes(1) == 32 * 1024);
  CHECK(machine.cache_bytes(0) == 512 * 1024);
  CHECK(machine.cache_bytes(3) == 0);
  CHECK(machine.system.starts_with("Debian GNU/Linux 12 (bookworm), "));
  CHECK(to_json(machine)["caches"].size() == 3);
  for (const char* part : {"Raspberry Pi 3", "600 MHz", "ondemand", "L2 512 KiB", "926 MiB"}) {
    CAPTURE(part);
    CHECK(to_text(machine).find(part) != std::string::npos);
  }
}

TEST_CASE("machine: cores of two kinds are counted, one of another maker keeps its numbers") {
  const Folder root;
  const std::string big = "CPU implementer\t: 0x41\nCPU part\t: 0xd08\n";
  const std::string little = "CPU implementer\t: 0x41\nCPU part\t: 0xd03\n";
  put(root, "proc/cpuinfo", little + little + little + little + big + big);
  CHECK(cli::describe_machine(root / "").processor == "4 x Cortex-A53, 2 x Cortex-A72");
  put(root, "proc/cpuinfo", "CPU implementer\t: 0x51\nCPU part\t: 0x800\n");
  CHECK(cli::describe_machine(root / "").processor == "implementer 0x51, part 0x800");
}

TEST_CASE("temperatures: each zone that there is") {
  const Folder root;
  CHECK(cli::temperatures(root / "").empty());
  for (const char* zone : {"0", "1"}) {
    const std::string at = std::string("sys/class/thermal/thermal_zone") + zone + "/";
    put(root, at + "type", std::string("cpu") + zone + "\n");
    put(root, at + "temp", "48250\n");
  }
  const auto zones = cli::temperatures(root / "");
  REQUIRE(zones.size() == 2);
  CHECK(zones[1]["zone"] == "cpu1");
  CHECK(zones[0]["celsius"] == doctest::Approx(48.25));
}

TEST_CASE("machine: what a system does not tell is said to be unknown") {
  const Folder root;
  put(root, "proc/cpuinfo", "model name\t: AMD EPYC\ncpu MHz\t\t: 2596.120\n");
  const Machine machine = cli::describe_machine(root / "");
  CHECK(machine.processor == "AMD EPYC");
  CHECK(machine.mhz == doctest::Approx(2596.12));
  CHECK(machine.cache_bytes(0) == 0);
  CHECK(to_text(machine).find("governor unknown") != std::string::npos);
  const Folder empty;
  CHECK(to_text(cli::describe_machine(empty / "")).starts_with("unknown, "));
}

Peaks example() {
  Peaks peaks;
  peaks.f32_gflops = 100.0;
  peaks.int8_gops = 400.0;
  peaks.memory_gb_s = 10.0;
  peaks.last_cache_gb_s = 50.0;
  peaks.core_cache_gb_s = 200.0;
  peaks.last_cache_bytes = 4 << 20;
  peaks.core_cache_bytes = 1 << 20;
  return peaks;
}

TEST_CASE("roofline: the slower of computing and reading, from where the work fits") {
  const Peaks peaks = example();
  const Bound computes = bound_of({2e8, false, 1e6, 1 << 20}, peaks);
  CHECK(computes.ms == doctest::Approx(2.0));
  CHECK_FALSE(computes.by_memory);
  CHECK(bound_of({2e8, true, 1e6, 1 << 20}, peaks).ms == doctest::Approx(0.5));
  const Bound reads = bound_of({2e6, false, 1e6, (4 << 20) + 1}, peaks);
  CHECK(reads.ms == doctest::Approx(0.1));
  CHECK(reads.by_memory);
  CHECK(bound_of({2e5, false, 1e6, 4 << 20}, peaks).ms == doctest::Approx(0.02));
  CHECK(bound_of({2e4, false, 1e6, 1 << 20}, peaks).ms == doctest::Approx(0.005));
}

TEST_CASE("peaks: every instruction set here is measured, the best is faster than none") {
  Machine small;  // caches too small to take long
  small.caches = {{1, "Data", 32 << 10, "0"}, {2, "Unified", 256 << 10, "0"}};
  const uint32_t all = cpu_features();
  const Peaks plain = cli::measure_peaks(small, 0, nullptr);
  const Peaks best = cli::measure_peaks(small, all, nullptr);
  for (const Peaks& peaks : {plain, best}) {
    CHECK(peaks.f32_gflops > 0.01);
    CHECK(peaks.int8_gops > 0.01);
    CHECK(peaks.memory_gb_s > 0.01);
    CHECK(peaks.last_cache_gb_s > 0.01);
    CHECK(peaks.core_cache_bytes == 256 << 10);
  }
  if (all != 0) {
    CHECK(best.f32_gflops > plain.f32_gflops);
  }
}

TEST_CASE("info: says which kernels run, and what int8 falls back to") {
  const Workplace at;
  const uint32_t dot = kCpuVnni | kCpuNeonDot;
  const auto info = [&](uint32_t mask, const char* json) {
    return run_line("LIGERO_CPU_MASK=" + std::to_string(mask) + " " LIGERO_TOOL " info " + json +
                    at / "tiny.lgm");
  };
  const Outcome without = info(~dot, "");
  CHECK(without.says("kernels here"));
  CHECK(without.says("no dot-product instruction"));
  const auto kernels = nlohmann::json::parse(info(0, "--json ").text)["kernels"];
  CHECK(kernels["f32"] == "ref");
  CHECK(kernels["int8"] == "ref");
  CHECK(kernels["int8_dot_product"] == false);
  if ((cpu_features() & dot) != 0) {
    CHECK_FALSE(info(~0u, "").says("no dot-product instruction"));
  }
}

}  // namespace
}  // namespace ligero::testing
