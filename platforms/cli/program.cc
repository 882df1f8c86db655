// SPDX-License-Identifier: Apache-2.0
// Exceptions to exit codes.
#include "platforms/cli/program.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <exception>
#include <new>

#include "model/format/file_header.h"
#include "platforms/cli/refusal.h"
#include "runtime/api/ligero.h"
#include "runtime/base/cpu.h"
#include "runtime/base/version.h"

namespace ligero::cli {

namespace {

std::string version_text(const CLI::App& app) {
  return text(app.get_name(),
              " ",
              version(),
              " (C API ",
              LIGERO_API_VERSION,
              ", model files of format 1 to ",
              kModelVersionMajor,
              ")");
}

/// A page of a mapped file (WholeFile) no longer exists. An output file has no name until it is
/// whole, so none is left behind.
extern "C" void stop_at_lost_page(int) {
  constexpr char kSaid[] =
      "ligero: a file that is mapped (a model of more than 64 MiB, or a checkpoint) became shorter "
      "while it was in use; put such files in place with install or mv, not with cp\n";
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, kSaid, sizeof(kSaid) - 1);
  _exit(1);
}

}  // namespace

int run_program(CLI::App* app, int argc, char** argv) {
  constexpr int kRefused = 1;
  constexpr int kWrongUsage = 2;
  if (const char* missing = missing_cpu_feature(); missing != nullptr) {
    std::fprintf(stderr,
                 "%s: this processor cannot run it: it has no %s\n",
                 app->get_name().c_str(),
                 missing);
    return kRefused;
  }
  app->set_version_flag("--version", version_text(*app));
  std::signal(SIGBUS, stop_at_lost_page);
  try {
    app->parse(argc, argv);
    return 0;
  } catch (const CLI::RuntimeError& verdict) {
    return verdict.get_exit_code();
  } catch (const CLI::ParseError& problem) {
    return app->exit(problem) == 0 ? 0 : kWrongUsage;
  } catch (const std::bad_alloc&) {
    std::fprintf(
        stderr, "%s: there is not enough memory for this input\n", app->get_name().c_str());
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "%s: %s\n", app->get_name().c_str(), problem.what());
  }
  return kRefused;
}

}  // namespace ligero::cli
