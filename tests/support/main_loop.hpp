// A test that needs the default main context: runs it until a condition holds, with a watchdog instead of sleeps.
#pragma once

#include <glib.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>

#include "support/temporary_directory.hpp"

namespace aircheck::test {

class MainLoopTest : public ::testing::Test {
 protected:
  static constexpr std::int64_t kWatchdogMs = 60'000;
  static constexpr guint kLookMs = 5;

  // Iterates the main context until `done`; false and a test failure when the watchdog barks.
  [[nodiscard]] static bool run_until(const std::function<bool()>& done, std::int64_t watchdog_ms = kWatchdogMs) {
    bool barked = false;
    GSource* watchdog = g_timeout_source_new(static_cast<guint>(watchdog_ms));
    g_source_set_callback(
        watchdog,
        [](gpointer data) -> gboolean {
          *static_cast<bool*>(data) = true;
          return G_SOURCE_CONTINUE;
        },
        &barked, nullptr);
    g_source_attach(watchdog, nullptr);
    // What other threads bring about need not wake the main loop.
    GSource* look = g_timeout_source_new(kLookMs);
    g_source_set_callback(
        look, [](gpointer) -> gboolean { return G_SOURCE_CONTINUE; }, nullptr, nullptr);
    g_source_attach(look, nullptr);
    while (!done() && !barked) g_main_context_iteration(nullptr, TRUE);
    for (GSource* source : {look, watchdog}) {
      g_source_destroy(source);
      g_source_unref(source);
    }
    if (barked) ADD_FAILURE() << "nothing happened within " << watchdog_ms << " ms";
    return !barked;
  }

  // Runs everything that is ready now.
  static void drain() {
    while (g_main_context_iteration(nullptr, FALSE) != FALSE) {
    }
  }
};

}  // namespace aircheck::test
