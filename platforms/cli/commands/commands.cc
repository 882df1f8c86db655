// SPDX-License-Identifier: Apache-2.0
// All commands under one name, and the manual page and shell completion that follow from their
// options. Not: what the commands do.
#include "platforms/cli/commands/commands.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "platforms/cli/files.h"
#include "platforms/cli/program.h"
#include "platforms/cli/refusal.h"
#include "runtime/base/version.h"

namespace ligero::cli {

namespace {

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App* command) { return !command->get_group().empty(); });
}

/// Those of a command and of its groups of options.
std::vector<const CLI::Option*> options_of(const CLI::App& command) {
  std::vector<const CLI::Option*> options = command.get_options({});
  for (const CLI::App* group : command.get_subcommands({})) {
    if (group->get_name().empty()) {
      const std::vector<const CLI::Option*> more = group->get_options({});
      options.insert(options.end(), more.begin(), more.end());
    }
  }
  return options;
}

bool is_positional(const CLI::Option& option) {
  return option.get_lnames().empty() && option.get_snames().empty();
}

/// Text as troff takes it: no escapes, no requests, hyphens that can be searched for.
std::string troff(const std::string& plain) {
  std::string out;
  bool starts_line = true;
  for (const char c : plain) {
    if (starts_line && (c == '.' || c == '\'')) {
      out += "\\&";
    }
    starts_line = c == '\n';
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
  }
  return out;
}

std::string manual_of_options(const CLI::App& command) {
  std::string out;
  for (const CLI::Option* option : options_of(command)) {
    const bool positional = is_positional(*option);
    const std::string value =
        positional || option->get_items_expected_max() == 0 ? "" : " " + option->get_type_name();
    out += text(".TP\n.B ",
                troff(option->get_name(positional, true)),
                troff(value),
                "\n",
                troff(option->get_description()),
                option->get_required() ? " (required)" : "",
                "\n");
  }
  return out;
}

std::string manual(const CLI::App& app) {
  std::string page = text(".TH LIGERO 1 \"\" \"ligero ", version(), "\"\n.SH NAME\n");
  page += troff(app.get_description().replace(0, sizeof("ligero:") - 1, "ligero -")) + "\n";
  page += ".SH SYNOPSIS\n.B ligero\n.I COMMAND\n[options]\n.SH DESCRIPTION\n.nf\n";
  page += troff(app.get_footer()) + "\n.fi\n.SH OPTIONS\n" + manual_of_options(app);
  for (const CLI::App* command : commands_of(app)) {
    page +=
        text(".SH \"ligero ", command->get_name(), "\"\n", troff(command->get_description()), "\n");
    page += manual_of_options(*command);
    page += ".PP\n.nf\n" + troff(command->get_footer()) + "\n.fi\n";
  }
  return page;
}

std::string completion(const CLI::App& app) {
  std::string names;
  std::string cases;
  for (const CLI::App* command : commands_of(app)) {
    names += text(names.empty() ? "" : " ", command->get_name());
    std::string words;
    for (const CLI::Option* option : options_of(*command)) {
      for (const std::string& name : option->get_lnames()) {
        words += text(words.empty() ? "--" : " --", name);
      }
    }
    cases += text("            ", command->get_name(), ") words='", words, "' ;;\n");
  }
  return text("# bash completion of ligero, made by the tool itself\n_ligero() {\n",
              "    local cur=${COMP_WORDS[COMP_CWORD]} words=\n",
              "    if [ \"$COMP_CWORD\" = 1 ]; then\n        words='",
              names,
              " --help --version'\n    elif [ \"${cur#-}\" != \"$cur\" ]; then\n",
              "        case ${COMP_WORDS[1]} in\n",
              cases,
              "        esac\n    else\n        COMPREPLY=($(compgen -f -- \"$cur\"))\n        "
              "return\n    fi\n",
              "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n}\n",
              "complete -o filenames -F _ligero ligero\n");
}

/// For the build alone, so no help lists it: `ligero manual` and `ligero completion` print.
void add_generators(CLI::App* app) {
  app->add_subcommand("manual")->group("")->callback(
      [app] { std::fputs(manual(*app).c_str(), stdout); });
  app->add_subcommand("completion")->group("")->callback([app] {
    std::fputs(completion(*app).c_str(), stdout);
  });
}

}  // namespace

void share_stdout(bool json, std::initializer_list<std::string> outputs) {
  const bool data = std::find(outputs.begin(), outputs.end(), "-") != outputs.end();
  if (json && data) {
    throw CLI::ValidationError("--json", "not with an output '-', which has stdout as well");
  }
  if (json || data) {
    keep_stdout_for_data();
  }
}

int run_commands(int argc, char** argv) {
  CLI::App app{"ligero: one enrolled person's voice out of what a microphone hears", "ligero"};
  app.require_subcommand(1);
  app.footer(
      "Example:\n"
      "  ligero extract --enroll ann.wav meeting.wav -o ann_only.wav\n"
      "`ligero COMMAND --help` has the options of a command. \"-\" is stdin or stdout, where sound is read or\n"
      "a file written. Exit codes: 0 done, 1 input refused, 2 wrong usage; of verify 3 as well, another\n"
      "person.");
  for (const auto add : kCommands) {
    add(&app);
  }
  add_generators(&app);
  return run_program(&app, argc, argv);
}

}  // namespace ligero::cli
