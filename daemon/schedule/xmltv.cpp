#include "schedule/xmltv.hpp"

#include <gio/gio.h>
#include <libxml/parser.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/http_url.hpp"
#include "schedule/xmltv_time.hpp"

namespace aircheck::schedule {

namespace {

using core::ByteView;
using core::Code;
using core::fail;
using core::Result;

constexpr std::size_t kHeadBytes = 6;
constexpr std::size_t kChunkBytes = std::size_t{64} << 10;
constexpr std::size_t kTextBytes = std::size_t{64} << 10;  // of one element; what is longer is cut
constexpr std::size_t kMostNotes = 1000;
constexpr std::int64_t kRatioFromBytes = std::int64_t{1} << 20;

bool begins_with(ByteView bytes, std::initializer_list<std::uint8_t> magic) {
  return bytes.size() >= magic.size() && std::equal(magic.begin(), magic.end(), bytes.begin());
}

std::string_view view(const xmlChar* text) {
  return text == nullptr ? std::string_view() : reinterpret_cast<const char*>(text);
}

// Where entities are not replaced, SAX2 gives an ampersand of an attribute as "&#38;", however it was written.
std::string with_ampersands(std::string_view value) {
  constexpr std::string_view kAmpersand = "&#38;";
  std::string text(value);
  for (std::size_t at = text.find(kAmpersand); at != std::string::npos; at = text.find(kAmpersand, at + 1)) {
    text.replace(at, kAmpersand.size(), "&");
  }
  return text;
}

}  // namespace

// gzip (RFC 1952), one member or several.
class XmltvReader::Inflater {
 public:
  // Calls `take` with what comes out.
  template <typename Take>
  Result<void> inflate(ByteView in, Take take) {
    std::array<std::uint8_t, kChunkBytes> out{};
    while (!in.empty()) {
      if (finished_ && !next_member(in)) return fail(Code::kParse, "there are bytes behind the end of the gzip data");
      gsize read = 0;
      gsize written = 0;
      g_autoptr(GError) error = nullptr;
      const GConverterResult result = g_converter_convert(converter(), in.data(), in.size(), out.data(), out.size(),
                                                          G_CONVERTER_NO_FLAGS, &read, &written, &error);
      if (result == G_CONVERTER_ERROR) {
        // What is left waits for the next bytes in zlib's own window.
        if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_PARTIAL_INPUT)) return {};
        return fail(Code::kParse, std::string("damaged gzip data: ") + error->message);
      }
      finished_ = result == G_CONVERTER_FINISHED;
      in = in.subspan(read);
      AIRCHECK_TRY_VOID(take(ByteView(out).first(written)));
    }
    return {};
  }
  [[nodiscard]] bool finished() const { return finished_; }

 private:
  [[nodiscard]] GConverter* converter() const { return G_CONVERTER(decompressor_.get()); }
  bool next_member(ByteView in) {
    if (!begins_with(in, {0x1f})) return false;
    g_converter_reset(converter());
    finished_ = false;
    return true;
  }

  struct Unref {
    void operator()(GZlibDecompressor* object) const { g_object_unref(object); }
  };
  std::unique_ptr<GZlibDecompressor, Unref> decompressor_{g_zlib_decompressor_new(G_ZLIB_COMPRESSOR_FORMAT_GZIP)};
  bool finished_ = false;
};

// libxml2's push parser with handlers of ours alone: no document is built, no DTD is read, no entity declared.
class XmltvReader::Parser {
 public:
  Parser(std::set<std::string> wanted, gobj::TimeZone zone, const XmltvLimits& limits)
      : wanted_(std::move(wanted)), zone_(std::move(zone)), limits_(limits) {
    if (zone_ == nullptr) zone_.reset(g_time_zone_new_utc());
  }

  Result<void> feed(ByteView bytes) {
    file_.inflated_bytes += static_cast<std::int64_t>(bytes.size());
    if (file_.inflated_bytes > limits_.inflated_bytes) return fail(Code::kUnsupported, "the file is too large");
    if (context_ == nullptr && !begin()) return fail(Code::kInternal, "libxml2 gives no parser");
    xmlParseChunk(context_.get(), reinterpret_cast<const char*>(bytes.data()), static_cast<int>(bytes.size()), 0);
    return state();
  }

  Result<XmltvFile> finish() {
    if (context_ == nullptr) return fail(Code::kTruncated, "the gzip data holds an empty file");
    xmlParseChunk(context_.get(), nullptr, 0, 1);
    AIRCHECK_TRY_VOID(state());
    if (context_->wellFormed == 0) return fail(Code::kParse, "the file is no well-formed XML");
    return std::move(file_);
  }

 private:
  struct FreeContext {
    // libxml2 makes a document of its own where a file declares an entity, and leaves it to its caller.
    void operator()(xmlParserCtxt* context) const {
      if (context->myDoc != nullptr) xmlFreeDoc(context->myDoc);
      xmlFreeParserCtxt(context);
    }
  };

  bool begin() {
    static const bool kInitialised = [] {
      xmlInitParser();
      return true;
    }();
    xmlSAXHandler handler = {};
    handler.initialized = XML_SAX2_MAGIC;
    handler.startElementNs = on_start;
    handler.endElementNs = on_end;
    handler.characters = on_text;
    handler.ignorableWhitespace = on_text;
    handler.cdataBlock = on_text;
    handler.entityDecl = on_entity;
    handler.unparsedEntityDecl = [](void* self, const xmlChar*, const xmlChar*, const xmlChar*,
                                    const xmlChar*) noexcept { refuse_entity(self); };
    handler.reference = [](void* self, const xmlChar*) noexcept { refuse_entity(self); };
    handler.serror = on_error;
    context_.reset(xmlCreatePushParserCtxt(&handler, this, nullptr, 0, nullptr));
    if (!kInitialised || context_ == nullptr) return false;
    xmlCtxtUseOptions(context_.get(), XML_PARSE_NONET);
    return true;
  }

  [[nodiscard]] Result<void> state() const {
    if (error_) return core::Unexpected<core::Error>(*error_);
    return {};
  }
  void stop(Code code, const std::string& message) {
    if (!error_) error_ = core::Error{code, "line " + std::to_string(line()) + ": " + message};
    xmlStopParser(context_.get());
  }
  [[nodiscard]] int line() const { return context_->input != nullptr ? context_->input->line : 0; }
  void note(int line, std::string message) {
    if (file_.notes.size() < kMostNotes) file_.notes.push_back({line, channel_, std::move(message)});
  }

  static void refuse_entity(void* self) noexcept {
    static_cast<Parser*>(self)->stop(Code::kUnsupported, "entities other than XML's own five are not taken");
  }
  static void on_entity(void* self, const xmlChar*, int, const xmlChar*, const xmlChar*, xmlChar*) noexcept {
    refuse_entity(self);
  }
  static void on_error(void* self, xmlErrorPtr error) noexcept {
    auto* parser = static_cast<Parser*>(self);
    if (error->level < XML_ERR_ERROR || parser->error_) return;
    std::string message = tidy_text(error->message != nullptr ? error->message : "no well-formed XML", 300);
    parser->error_ = core::Error{Code::kParse, "line " + std::to_string(error->line) + ": " + message};
    xmlStopParser(parser->context_.get());
  }
  static void on_text(void* self, const xmlChar* text, int size) noexcept {
    auto* parser = static_cast<Parser*>(self);
    if (!parser->wanted_now_ || parser->depth_ != 3) return;
    const std::size_t room = kTextBytes - std::min(kTextBytes, parser->text_.size());
    parser->text_.append(reinterpret_cast<const char*>(text), std::min(room, static_cast<std::size_t>(size)));
  }
  static void on_start(void* self, const xmlChar* name, const xmlChar*, const xmlChar*, int, const xmlChar**, int count,
                       int, const xmlChar** attributes) noexcept {
    auto* parser = static_cast<Parser*>(self);
    parser->attributes_.clear();
    for (int i = 0; i < count; ++i) {
      const xmlChar** five = attributes + std::ptrdiff_t{5} * i;  // local name, prefix, URI, value, its end
      const auto size = static_cast<std::size_t>(five[4] - five[3]);
      const std::string_view value(reinterpret_cast<const char*>(five[3]), size);
      parser->attributes_.emplace_back(view(five[0]), with_ampersands(value));
    }
    parser->element_begins(view(name));
  }
  static void on_end(void* self, const xmlChar* name, const xmlChar*, const xmlChar*) noexcept {
    static_cast<Parser*>(self)->element_ends(view(name));
  }

  [[nodiscard]] std::string_view attribute(std::string_view name) const {
    for (const auto& [key, value] : attributes_) {
      if (key == name) return value;
    }
    return {};
  }

  void element_begins(std::string_view name) {
    if (++depth_ > limits_.depth) return stop(Code::kUnsupported, "elements are nested too deeply");
    if (depth_ == 1 && name != "tv") {
      return stop(Code::kParse, "this is no XMLTV file: its root is <" + tidy_text(name, 100) + ">, not <tv>");
    }
    if (depth_ == 2 && name == "programme") return programme_begins();
    if (depth_ != 3 || !wanted_now_) return;
    text_.clear();
    if (name == "episode-num") system_ = attribute("system");
    if (name == "icon" && programme_.entry.icon_url.empty()) take_icon(std::string(attribute("src")));
  }

  void programme_begins() {
    channel_ = tidy_text(attribute("channel"), 200);
    wanted_now_ = wanted_.contains(channel_);
    if (!wanted_now_) {
      if (file_.others.size() < kMostNotes || file_.others.contains(channel_)) ++file_.others[channel_];
      return;
    }
    if (++count_ > limits_.programmes) return stop(Code::kUnsupported, "the file has too many programmes");
    programme_ = XmltvProgramme{.line = line(), .entry = {}, .stop = std::nullopt};
    system_.clear();
    episode_system_.clear();
    std::vector<XmltvProgramme>& known = file_.programmes[channel_];
    const auto before = known.empty() ? std::nullopt : std::optional(known.back().entry.start);
    const auto start = xmltv_instant(attribute("start"), zone_.get(), before);
    if (!start) {
      note(line(), "left out: its start " + start.error().message);
      wanted_now_ = false;
      return;
    }
    programme_.entry.start = *start;
    if (attribute("stop").empty()) return;
    const auto stop = xmltv_instant(attribute("stop"), zone_.get(), *start);
    if (stop) {
      programme_.stop = *stop;
    } else {
      note(line(), "its stop " + stop.error().message);
    }
  }

  void take_icon(const std::string& url) {
    if (url.size() <= kIconBytes && base::is_http_url(url) && tidy_text(url, kIconBytes) == url) {
      programme_.entry.icon_url = url;
    } else {
      note(line(), "its icon is no http or https URL");
    }
  }

  void element_ends(std::string_view name) {
    --depth_;
    if (!wanted_now_) return;
    if (depth_ == 2) take_text(name);
    if (depth_ != 1 || name != "programme") return;
    wanted_now_ = false;
    if (programme_.entry.title.empty()) return note(programme_.line, "left out: it has no title");
    file_.programmes[channel_].push_back(std::move(programme_));
  }

  // Of texts in several languages the first is the listing's choice.
  void take_text(std::string_view name) {
    Entry& entry = programme_.entry;
    if (name == "title" && entry.title.empty()) entry.title = tidy_text(text_, kTitleBytes);
    if (name == "sub-title" && entry.sub_title.empty()) entry.sub_title = tidy_text(text_, kTitleBytes);
    if (name == "desc" && entry.description.empty()) entry.description = tidy_text(text_, kDescriptionBytes);
    if (name == "category" && entry.categories.size() < kMostCategories) {
      std::string category = tidy_text(text_, kCategoryBytes);
      const bool known = std::ranges::find(entry.categories, category) != entry.categories.end();
      if (!category.empty() && !known) entry.categories.push_back(std::move(category));
    }
    // What is on screen is for people; of the other systems the first.
    const bool better = entry.episode_num.empty() || (system_ == "onscreen" && episode_system_ != "onscreen");
    if (name == "episode-num" && better) {
      entry.episode_num = tidy_text(text_, kEpisodeBytes);
      episode_system_ = system_;
    }
  }

  std::set<std::string> wanted_;
  gobj::TimeZone zone_;
  XmltvLimits limits_;
  std::unique_ptr<xmlParserCtxt, FreeContext> context_;
  std::optional<core::Error> error_;
  XmltvFile file_;
  int depth_ = 0;
  int count_ = 0;
  std::vector<std::pair<std::string_view, std::string>> attributes_;  // of the element that begins
  std::string channel_;
  bool wanted_now_ = false;
  XmltvProgramme programme_;
  std::string text_;
  std::string system_;
  std::string episode_system_;
};

XmltvReader::XmltvReader(std::set<std::string> wanted, gobj::TimeZone zone, XmltvLimits limits)
    : limits_(limits), parser_(std::make_unique<Parser>(std::move(wanted), std::move(zone), limits)) {}

XmltvReader::~XmltvReader() = default;

Result<void> XmltvReader::feed(ByteView bytes) {
  if (known_) return feed_whole(bytes);
  head_.insert(head_.end(), bytes.begin(), bytes.end());
  if (head_.size() < kHeadBytes) return {};
  known_ = true;
  if (begins_with(head_, {0xfd, '7', 'z', 'X', 'Z', 0}) || begins_with(head_, {'P', 'K'}) ||
      begins_with(head_, {'B', 'Z', 'h'})) {
    return fail(Code::kUnsupported, "of compressed files only gzip is taken");
  }
  if (begins_with(head_, {0x1f, 0x8b})) inflater_ = std::make_unique<Inflater>();
  const core::Bytes head = std::move(head_);
  return feed_whole(head);
}

Result<void> XmltvReader::feed_whole(ByteView bytes) {
  compressed_bytes_ += static_cast<std::int64_t>(bytes.size());
  if (inflater_ == nullptr) return parser_->feed(bytes);
  return inflater_->inflate(bytes, [&](ByteView inflated) -> Result<void> {
    inflated_bytes_ += static_cast<std::int64_t>(inflated.size());
    if (inflated_bytes_ > kRatioFromBytes && inflated_bytes_ / limits_.ratio > compressed_bytes_) {
      return fail(Code::kUnsupported, "the file inflates to more than 100 times its size");
    }
    return inflated.empty() ? Result<void>() : parser_->feed(inflated);
  });
}

Result<XmltvFile> XmltvReader::finish() {
  if (!known_ && head_.empty()) return fail(Code::kTruncated, "the file is empty");
  if (!known_) AIRCHECK_TRY_VOID(parser_->feed(head_));
  if (inflater_ != nullptr && !inflater_->finished()) {
    return fail(Code::kTruncated, "the gzip data ends too early");
  }
  return parser_->finish();
}

}  // namespace aircheck::schedule
