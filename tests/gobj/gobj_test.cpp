#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "gobj/error.hpp"
#include "gobj/guarded.hpp"
#include "gobj/ref.hpp"
#include "gobj/text.hpp"

namespace aircheck::gobj {
namespace {

// A GObject that says when it goes.
GObject* watched_object(bool& alive) {
  auto* const object = static_cast<GObject*>(g_object_new(G_TYPE_OBJECT, nullptr));
  alive = true;
  g_object_weak_ref(
      object, [](gpointer flag, GObject*) { *static_cast<bool*>(flag) = false; }, &alive);
  return object;
}

TEST(Ref, AdoptsAndLetsGo) {
  bool alive = false;
  {
    const auto ref = Ref<GObject>::adopt(watched_object(alive));
    EXPECT_EQ(ref->ref_count, 1U);
  }
  EXPECT_FALSE(alive);
}

TEST(Ref, RetainsWhatIsLent) {
  bool alive = false;
  GObject* const object = watched_object(alive);
  {
    const auto ref = Ref<GObject>::retain(object);
    EXPECT_EQ(object->ref_count, 2U);
  }
  EXPECT_TRUE(alive);
  g_object_unref(object);
  EXPECT_FALSE(alive);
}

TEST(Ref, SinksWhatFloats) {
  const auto variant = Ref<GVariant>::sink(g_variant_new_int32(4));
  EXPECT_FALSE(g_variant_is_floating(variant.get()));
  bool alive = false;
  auto* const floating = static_cast<GObject*>(g_object_new(G_TYPE_INITIALLY_UNOWNED, nullptr));
  g_object_weak_ref(
      floating, [](gpointer flag, GObject*) { *static_cast<bool*>(flag) = false; }, &alive);
  alive = true;
  Ref<GObject>::sink(floating).reset();
  EXPECT_FALSE(alive);
}

TEST(Ref, CopiesMovesAndReleases) {
  bool alive = false;
  auto first = Ref<GObject>::adopt(watched_object(alive));
  Ref<GObject> second = first;
  EXPECT_EQ(first, second);
  EXPECT_EQ(first->ref_count, 2U);
  const Ref<GObject> third = std::move(first);
  EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(third->ref_count, 2U);
  second = third;
  EXPECT_EQ(third->ref_count, 2U);
  GObject* const raw = second.release();
  EXPECT_FALSE(second);
  EXPECT_EQ(raw->ref_count, 2U);
  g_object_unref(raw);
  EXPECT_TRUE(alive);
}

TEST(Ref, HoldsNull) {
  const auto ref = Ref<GObject>::retain(nullptr);
  const Ref<GObject> copy = ref;
  EXPECT_FALSE(copy);
  EXPECT_EQ(copy.get(), nullptr);
}

TEST(Text, IsTaken) {
  EXPECT_EQ(take_text(g_strdup("news")), "news");
  EXPECT_EQ(take_text(nullptr), "");
}

TEST(ErrorSlot, TranslatesWhatGLibSays) {
  ErrorSlot slot;
  gchar* contents = nullptr;
  EXPECT_FALSE(g_file_get_contents("/nonexistent/aircheck", &contents, nullptr, slot.out()));
  ASSERT_TRUE(slot.is_set());
  EXPECT_EQ(slot.error().code, core::Code::kNotFound);
  EXPECT_NE(slot.error().message.find("/nonexistent/aircheck"), std::string::npos);

  EXPECT_EQ(g_variant_parse(nullptr, "{", nullptr, nullptr, slot.out()), nullptr);
  EXPECT_EQ(slot.error().code, core::Code::kParse);
}

TEST(ErrorSlot, MapsTheDomainsThatWeMeet) {
  const struct {
    GQuark domain;
    int code;
    core::Code expected;
  } kCases[] = {
      {G_IO_ERROR, G_IO_ERROR_NO_SPACE, core::Code::kNoSpace},
      {G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE, core::Code::kConflict},
      {G_IO_ERROR, G_IO_ERROR_FAILED, core::Code::kIo},
      {G_FILE_ERROR, G_FILE_ERROR_ACCES, core::Code::kPermission},
      {G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_KEY_NOT_FOUND, core::Code::kParse},
      {g_quark_from_static_string("somebody-else"), 1, core::Code::kInternal},
  };
  for (const auto& [domain, code, expected] : kCases) {
    ErrorSlot slot;
    *slot.out() = g_error_new_literal(domain, code, "text");
    EXPECT_EQ(slot.error(), (core::Error{expected, "text"})) << g_quark_to_string(domain) << " " << code;
  }
}

TEST(ErrorSlot, HasAnAnswerWhenNothingWasSet) {
  EXPECT_EQ(ErrorSlot().error().code, core::Code::kInternal);
}

TEST(Guarded, ServesOneThreadAtATime) {
  Guarded<int> counter;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&counter] {
      for (int n = 0; n < 10'000; ++n) *counter.lock() += 1;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counter.copy(), 40'000);
}

}  // namespace
}  // namespace aircheck::gobj
