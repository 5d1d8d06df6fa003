#include "timeshift/playlist_text.hpp"

#include <gtest/gtest.h>

#include "support/process.hpp"
#include "support/temporary_directory.hpp"

namespace aircheck::timeshift {
namespace {

// A text of some kilobytes with as many tokens.
std::string text_with(int tokens, const std::string& token) {
  std::string text = "#EXTM3U\n";
  for (int i = 0; i < 100; ++i) {
    text += "#EXTINF:6.000,\nch1-2026022514" + std::to_string(3000 + i) + ".m4s";
    text += i < tokens ? "?token=" + token + "\n" : "\n";
  }
  return text;
}

TEST(PlaylistText, EveryViewerGetsTheTextWithTheirToken) {
  for (const int tokens : {0, 1, 7, 100}) {
    const PlaylistText text(text_with(tokens, "@@"), "@@");
    EXPECT_EQ(text.places(), static_cast<std::size_t>(tokens));
    for (const std::string token : {"", "a", "a%2Blonger-one"}) {
      EXPECT_EQ(text.with_token(token), text_with(tokens, token));
      std::string joined;
      for (const base::SharedBytes& piece : text.pieces_with_token(token)) joined += base::text_of(piece);
      EXPECT_EQ(joined, text_with(tokens, token));
    }
  }
}

TEST(PlaylistText, TheHashIsThatOfTheTextAndNotOfThePlaceholder) {
  const PlaylistText one(text_with(7, "@@"), "@@");
  EXPECT_EQ(one.hash(), PlaylistText(text_with(7, "other"), "other").hash());
  EXPECT_NE(one.hash(), PlaylistText(text_with(8, "@@"), "@@").hash());
  EXPECT_NE(PlaylistText(text_with(0, ""), "@@").hash(), PlaylistText(text_with(0, "") + " ", "@@").hash());
}

// The oracle is gzip itself, which also checks CRC and length.
TEST(PlaylistText, IsOneGzipMemberAroundAnyToken) {
  const aircheck::test::TemporaryDirectory folder;
  for (const int tokens : {0, 1, 7, 32}) {
    PlaylistText text(text_with(tokens, "@@"), "@@");
    EXPECT_FALSE(text.compressed());
    EXPECT_EQ(text.compresses_in_pieces(), tokens < 2);
    text.compress();
    ASSERT_TRUE(text.compressed());
    for (const std::string& token : {std::string(), std::string("t"), std::string(5000, 'x')}) {
      const std::string zipped = text.gzip_with_token(token);
      folder.write("text.gz", zipped);
      EXPECT_EQ(aircheck::test::run("gzip -dc < " + (folder / "text.gz")).output, text_with(tokens, token));
      if (tokens < 2 && token.size() < 5000) {
        EXPECT_LT(zipped.size(), text_with(tokens, token).size() / 3);
      }
    }
  }
}

}  // namespace
}  // namespace aircheck::timeshift
