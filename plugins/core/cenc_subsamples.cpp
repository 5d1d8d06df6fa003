#include "core/cenc_subsamples.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>

namespace aircheck::core {

namespace {

constexpr std::size_t kMaxClear = std::numeric_limits<decltype(Subsample::clear_bytes)>::max();
constexpr std::size_t kClearLead = 96;
constexpr std::size_t kMinProtectedNal = kClearLead + 16;

// Entries that are needed for so many clear bytes with nothing protected behind them.
std::size_t clear_entries(std::size_t clear) {
  return (clear + kMaxClear - 1) / kMaxClear;
}

// Puts runs of clear and protected bytes into a map: clear runs grow until something protected follows.
class MapBuilder {
 public:
  explicit MapBuilder(std::size_t capacity) : map_(capacity) {}

  void add_clear(std::size_t count) { clear_ += count; }

  [[nodiscard]] bool add_protected(std::size_t count) {
    if (!split_clear()) return false;
    const Subsample entry{static_cast<std::uint16_t>(clear_), static_cast<std::uint32_t>(count)};
    clear_ = 0;
    return map_.append(entry);
  }

  [[nodiscard]] bool finish() { return split_clear() && (clear_ == 0 || append_clear(clear_)); }

  // Whether the map takes clear_lead more clear bytes, something protected, and then clear_rest bytes left clear.
  [[nodiscard]] bool has_room(std::size_t clear_lead, std::size_t clear_rest) const {
    const std::size_t clear = clear_ + clear_lead;
    const std::size_t entries = clear <= kMaxClear ? 1 : clear_entries(clear);
    return map_.entries().size() + entries + clear_entries(clear_rest) <= map_.capacity();
  }

  [[nodiscard]] const SubsampleMap& map() const { return map_; }

 private:
  bool append_clear(std::size_t count) { return map_.append({static_cast<std::uint16_t>(count), 0}); }

  bool split_clear() {
    for (; clear_ > kMaxClear; clear_ -= kMaxClear) {
      if (!append_clear(kMaxClear)) return false;
    }
    return true;
  }

  SubsampleMap map_;
  std::size_t clear_ = 0;
};

// The next unit behind its length field; empty where the length is zero.
Result<ByteView> read_nal(ByteReader& reader, std::size_t length_size) {
  AIRCHECK_TRY(const ByteView length_field, reader.bytes(length_size));
  std::size_t size = 0;
  for (const std::uint8_t byte : length_field) size = size << 8 | byte;
  return reader.bytes(size);
}

// Protectable is asked for each unit and says how many of its last bytes may be protected. Empty when the map is full.
// With keep_room, a slice stays clear rather than take the entries that the bytes after it need: that is the second
// try, for samples of more slices than entries.
template <typename Protectable>
Result<std::optional<SubsampleMap>> try_map(ByteView access_unit, std::size_t length_size, std::size_t capacity,
                                            bool keep_room, const Protectable& protectable) {
  MapBuilder builder(capacity);
  ByteReader reader(access_unit);
  while (!reader.empty()) {
    AIRCHECK_TRY(const ByteView nal, read_nal(reader, length_size));
    AIRCHECK_TRY(const std::size_t covered, protectable(nal));
    const std::size_t unit_size = length_size + nal.size();
    const std::size_t clear_lead = unit_size - covered;
    if (covered == 0 || (keep_room && !builder.has_room(clear_lead, reader.remaining()))) {
      builder.add_clear(unit_size);
      continue;
    }
    builder.add_clear(clear_lead);
    if (!builder.add_protected(covered)) return std::optional<SubsampleMap>();
  }
  if (!builder.finish()) return std::optional<SubsampleMap>();
  return std::optional<SubsampleMap>(builder.map());
}

Unexpected<Error> fail_too_many(std::size_t size, std::size_t capacity) {
  return fail(Code::kUnsupported, "an access unit of " + std::to_string(size) + " bytes needs more than " +
                                      std::to_string(capacity) + " subsamples; encode with fewer slices");
}

template <typename Protectable>
Result<SubsampleMap> make_map(ByteView access_unit, std::size_t length_size, std::size_t capacity,
                              const Protectable& protectable) {
  if (length_size != 1 && length_size != 2 && length_size != 4) {
    return fail(Code::kInvalidArgument,
                "NAL unit lengths are of 1, 2 or 4 bytes, not of " + std::to_string(length_size));
  }
  for (const bool keep_room : {false, true}) {
    AIRCHECK_TRY(const auto map, try_map(access_unit, length_size, capacity, keep_room, protectable));
    if (map) return *map;
  }
  return fail_too_many(access_unit.size(), capacity);
}

}  // namespace

int nal_type(NalCodec codec, ByteView nal) {
  return codec == NalCodec::kAvc ? nal.front() & 0x1f : nal.front() >> 1 & 0x3f;
}

bool is_vcl(NalCodec codec, int type) {
  return codec == NalCodec::kAvc ? type >= 1 && type <= 5 : type < 32;
}

bool is_slice(NalCodec codec, int type) {
  return codec == NalCodec::kAvc ? type == 1 || type == 5 : type <= 9 || (type >= 16 && type <= 21);
}

bool is_random_access(ByteView access_unit, NalFormat format) {
  ByteReader reader(access_unit);
  while (!reader.empty()) {
    const auto nal = read_nal(reader, format.length_size);
    if (!nal) return false;
    if (nal->empty()) continue;
    const int type = nal_type(format.codec, *nal);
    if (!is_vcl(format.codec, type)) continue;
    return format.codec == NalCodec::kAvc ? type == 5 : type >= 16 && type <= 21;
  }
  return false;
}

Result<SubsampleMap> cenc_subsamples(ByteView access_unit, NalFormat format) {
  return make_map(access_unit, format.length_size, SubsampleMap::kCapacity, [&](ByteView nal) -> Result<std::size_t> {
    const std::size_t unit_size = format.length_size + nal.size();
    if (unit_size < kMinProtectedNal || !is_vcl(format.codec, nal_type(format.codec, nal))) return std::size_t{0};
    return (unit_size - kClearLead) / 16 * 16;
  });
}

Result<SubsampleMap> cbcs_subsamples(ByteView access_unit, NalFormat format, SliceHeaders& headers) {
  constexpr std::size_t kCapacity = SubsampleMap::kCapacity;
  return make_map(access_unit, format.length_size, kCapacity, [&](ByteView nal) -> Result<std::size_t> {
    if (nal.empty()) return std::size_t{0};
    AIRCHECK_TRY(const std::size_t clear, headers.header_size(nal));
    if (!is_slice(format.codec, nal_type(format.codec, nal))) return std::size_t{0};
    return nal.size() - std::min(clear, nal.size());
  });
}

Result<SubsampleMap> clear_subsamples(std::size_t sample_size, std::size_t capacity) {
  MapBuilder builder(capacity);
  builder.add_clear(sample_size);
  if (!builder.finish()) return fail_too_many(sample_size, capacity);
  return builder.map();
}

}  // namespace aircheck::core
