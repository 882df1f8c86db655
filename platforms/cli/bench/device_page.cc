// SPDX-License-Identifier: Apache-2.0
// A report as facts, rows and verdicts, and these as text, HTML and Markdown.
#include "platforms/cli/bench/device_page.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>

#include "platforms/cli/refusal.h"
#include "platforms/cli/report/html.h"

namespace ligero::cli {

namespace {

using Json = nlohmann::ordered_json;
using Row = std::vector<std::string>;

constexpr double kMib = 1024.0 * 1024.0;

/// A number with so many places.
std::string fixed(double value, int places) {
  char line[48];
  std::snprintf(line, sizeof(line), "%.*f", places, value);
  return line;
}

std::string or_unknown(const std::string& value) {
  return value.empty() ? "not told by the system" : value;
}

std::string mhz_text(const Json& mhz) {
  const auto one = [](const Json& value) {
    return value.get<double>() > 0.0 ? fixed(value.get<double>(), 0) : "?";
  };
  const std::string before = one(mhz.at("before"));
  const std::string after = one(mhz.at("after"));
  return before == "?" && after == "?" ? ""
         : before == after             ? before + " MHz"
                                       : before + " MHz before, " + after + " MHz after";
}

std::string celsius_text(const Json& zones) {
  std::string line;
  for (const Json& zone : zones) {
    line += text(line.empty() ? "" : ", ",
                 zone.at("zone").get<std::string>(),
                 " ",
                 fixed(zone.at("celsius"), 1),
                 " C");
  }
  return line;
}

std::string peaks_text(const Json& peaks) {
  return text("f32 ",
              fixed(peaks.at("f32_gflops"), 1),
              " GFLOP/s, int8 ",
              fixed(peaks.at("int8_gops"), 1),
              " GOP/s; reads ",
              fixed(peaks.at("memory_gb_s"), 1),
              " GB/s from memory, ",
              fixed(peaks.at("last_cache_gb_s"), 1),
              " from the last cache");
}

std::string caches_text(const Json& caches) {
  std::string line;
  for (const Json& cache : caches) {
    if (cache.at("type") != "Instruction") {
      line += text(line.empty() ? "L" : ", L",
                   cache.at("level").get<int>(),
                   " ",
                   cache.at("bytes").get<int64_t>() >> 10,
                   " KiB");
    }
  }
  return line;
}

/// What the device is: names and values.
std::vector<std::pair<std::string, std::string>> facts_of(const Json& report) {
  const Json& machine = report.at("machine");
  const Json& kernels = report.at("kernels");
  const std::string before = celsius_text(report.at("celsius").at("before"));
  std::vector<std::pair<std::string, std::string>> facts = {
      {"board", or_unknown(machine.at("board"))},
      {"SoC", or_unknown(machine.at("compatible"))},
      {"processor", or_unknown(machine.at("processor"))},
      {"cores", std::to_string(machine.at("cores").get<int>())},
      {"clock", or_unknown(mhz_text(report.at("mhz")))},
      {"governor", or_unknown(machine.at("governor"))},
      {"temperature",
       before.empty()
           ? or_unknown("")
           : before + " before; " + celsius_text(report.at("celsius").at("after")) + " after"},
      {"caches", or_unknown(caches_text(machine.at("caches")))},
      {"memory", fixed(machine.at("memory_bytes").get<double>() / kMib, 0) + " MiB"},
      {"system", or_unknown(machine.at("system"))},
      {"kernels",
       text("f32 ",
            kernels.at("f32").get<std::string>(),
            ", int8 ",
            kernels.at("int8").get<std::string>())}};
  for (const Json& peaks : report.at("peaks")) {
    const int threads = peaks.at("threads");
    facts.emplace_back(threads == 1 ? "one core" : text(threads, " cores"), peaks_text(peaks));
  }
  return facts;
}

const Row kHead = {
    "model", "mode", "cores", "real time", "p50 ms", "p99 ms", "max ms", "late", "peak MiB"};

Row row_of(const Json& model, const Json& run) {
  const bool live = run.at("mode") == "stream";
  Row row = {model.at("file"),
             live ? "hop by hop" : "recording",
             std::to_string(run.at("threads").get<int>())};
  if (run.contains("refused")) {
    row.push_back(run["refused"]);
    row.resize(kHead.size());
    return row;
  }
  const Json& ms = run.at(live ? "ms_per_hop" : "ms");
  const int places = live ? 3 : 1;
  row.insert(
      row.end(),
      {fixed(run.at("real_time_factor"), 4),
       fixed(ms.at("p50"), places),
       fixed(ms.at("p99"), places),
       fixed(ms.at("max"), places),
       live ? text(run.at("missed_hops").get<int64_t>(), " of ", run.at("hops").get<int64_t>())
            : "-",
       fixed(run.at("peak_resident_bytes").get<double>() / kMib, 1)});
  return row;
}

std::vector<Row> rows_of(const Json& report) {
  std::vector<Row> rows;
  for (const Json& model : report.at("models")) {
    for (const Json& run : model.at("runs")) {
      rows.push_back(row_of(model, run));
    }
  }
  return rows;
}

constexpr const char* kReading =
    "real time: what it takes over how long the sound is. Hop by hop: as in a live session, "
    "10 ms of sound where the model has no other hop, one after another without waiting; late: took "
    "longer than its sound lasts. "
    "Recording: 4 s at once. Peak: most resident memory of a process that does this alone.";

std::string html_row(const Row& cells, const char* tag) {
  std::string line = "<tr>";
  for (const std::string& cell : cells) {
    line += text("<", tag, ">", escaped(cell), "</", tag, ">");
  }
  return line + "</tr>\n";
}

std::string text_row(const Row& cells, const std::vector<size_t>& widths) {
  std::string line;
  for (size_t c = 0; c < cells.size(); ++c) {
    const std::string space(widths[c] - std::min(widths[c], cells[c].size()), ' ');
    line += c < 2 ? cells[c] + space + "  " : space + cells[c] + "  ";
  }
  return line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
}

}  // namespace

std::string device_text(const Json& report) {
  std::string page = report.at("label").get<std::string>() + "\n\n";
  for (const auto& [name, value] : facts_of(report)) {
    page += text("  ", name, std::string(13 - std::min<size_t>(12, name.size()), ' '), value, "\n");
  }
  page += "\n";
  for (const Json& model : report.at("models")) {
    page += text("  ",
                 model.at("file").get<std::string>(),
                 ": ",
                 model.at("verdict").at("text").get<std::string>(),
                 "\n");
  }
  page += "\n";
  std::vector<Row> rows = rows_of(report);
  rows.insert(rows.begin(), kHead);
  std::vector<size_t> widths(kHead.size());
  for (const Row& row : rows) {
    for (size_t c = 0; c < row.size(); ++c) {
      widths[c] = std::max(widths[c], c == 3 && row[4].empty() ? 0 : row[c].size());
    }
  }
  for (const Row& row : rows) {
    page += text_row(row, widths);
  }
  return page;
}

std::string device_html(const Json& report) {
  const std::string label = escaped(report.at("label"));
  std::string page = text(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width\">\n<title>ligero on ",
      label,
      "</title>\n<style>\n"
      "body{font:16px/1.45 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;"
      "color:#1b1b1b}\n"
      "table{border-collapse:collapse;margin:1rem 0}\n"
      "th,td{text-align:right;padding:.3rem .7rem;border-bottom:1px solid #ddd;"
      "font-variant-numeric:tabular-nums}\n"
      "th:nth-child(-n+2),td:nth-child(-n+2){text-align:left}\n"
      ".facts th,.facts td{text-align:left}\n.facts th{font-weight:normal;color:#666}\n"
      ".verdict{padding:.6rem .9rem;margin:.5rem 0;border-left:.4rem solid #b3261e;"
      "background:#fbeceb}\n"
      ".verdict.fits{border-color:#2e7d32;background:#edf6ee}\n"
      ".small{color:#666;font-size:.9rem}\n</style></head><body>\n<h1>",
      label,
      "</h1>\n");
  for (const Json& model : report.at("models")) {
    const Json& verdict = model.at("verdict");
    page += text("<p class=\"verdict",
                 verdict.at("fits").get<bool>() ? " fits" : "",
                 "\"><b>",
                 escaped(model.at("file")),
                 "</b>: ",
                 escaped(verdict.at("text")),
                 "</p>\n");
  }
  page += "<table>\n" + html_row(kHead, "th");
  for (const Row& row : rows_of(report)) {
    page += html_row(row, "td");
  }
  page += text("</table>\n<p class=\"small\">", kReading, "</p>\n<table class=\"facts\">\n");
  for (const auto& [name, value] : facts_of(report)) {
    page += text("<tr><th>", escaped(name), "</th><td>", escaped(value), "</td></tr>\n");
  }
  return page + "</table>\n</body></html>\n";
}

std::string device_table(const std::vector<Json>& reports) {
  const auto cell = [](std::string value) {
    std::replace(value.begin(), value.end(), '|', '/');
    return value;
  };
  std::string table =
      "| device | model | each hop: p50, p99, max | late | real time: live, recording | "
      "the same on all cores | memory |\n|---|---|---|---|---|---|---|\n";
  for (const Json& report : reports) {
    for (const Json& model : report.at("models")) {
      std::string hop = "-";
      std::string late = "-";
      std::string memory = "-";
      std::string factors[2][2] = {{"-", "-"}, {"-", "-"}};  // one thread, all; live, recording
      for (const Json& run : model.at("runs")) {
        if (run.contains("refused")) {
          continue;
        }
        const Row row = row_of(model, run);
        const bool one = run.at("threads") == 1;
        const bool live = run.at("mode") == "stream";
        factors[one ? 0 : 1][live ? 0 : 1] = row[3];
        if (one && live) {
          hop = text(row[4], ", ", row[5], ", ", row[6], " ms");
          late = row[7];
        }
        if (one && (live || memory == "-")) {
          memory = row[8] + " MiB";
        }
      }
      table += text("| ",
                    cell(report.at("label")),
                    " | ",
                    cell(model.at("file")),
                    " | ",
                    hop,
                    " | ",
                    late,
                    " | ",
                    factors[0][0] + ", " + factors[0][1],
                    " | ",
                    factors[1][0] + ", " + factors[1][1],
                    " | ",
                    memory,
                    " |\n");
    }
  }
  return table;
}

}  // namespace ligero::cli
