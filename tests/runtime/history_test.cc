// SPDX-License-Identifier: Apache-2.0
// Rows of memory of a history. Not: what is read from them (run_test.cc, tests/cuda).
#include "runtime/history.h"

#include <doctest/doctest.h>

namespace ligero {

TEST_CASE("history: in a ring a call's rows and their history go round once at most") {
  for (const int32_t history : {1, 2, 7, 99, 1000}) {
    for (const int32_t frames : {1, 2, 5, 100}) {
      const int32_t rows = history_capacity(HistoryForm::kRing, history, frames);
      for (int64_t first = 0; first < 3 * int64_t{rows}; first += frames) {
        const int32_t head = ring_head(first, rows);
        CHECK(head >= 0);
        CHECK(head < rows);
        CHECK(head + history + frames - 1 < 2 * rows);
        CHECK((head + frames) % rows == ring_head(first + frames, rows));
      }
      CHECK(history + frames <= rows);  // no row of a call lies on one of its history
      CHECK(history_capacity(HistoryForm::kWindow, history, frames) > history + frames);
    }
  }
}

}  // namespace ligero
