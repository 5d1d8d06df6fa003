#include "core/cenc.hpp"

#include <openssl/rand.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <string>

namespace aircheck::core {

namespace {

constexpr std::size_t kMaxClear = std::numeric_limits<decltype(Subsample::clear_bytes)>::max();
constexpr std::size_t kClearLead = 96;
constexpr std::size_t kMinProtectedNal = kClearLead + 16;

bool is_slice(std::uint8_t nal_header) {
  const int type = nal_header & 0x1f;
  return type >= 1 && type <= 5;
}

// Entries that are needed for so many clear bytes with nothing protected behind them.
std::size_t clear_entries(std::size_t clear) {
  return (clear + kMaxClear - 1) / kMaxClear;
}

// Puts runs of clear and protected bytes into a map: clear runs grow until something protected follows.
class MapBuilder {
 public:
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
    return map_.entries().size() + entries + clear_entries(clear_rest) <= SubsampleMap::kCapacity;
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

// Empty when the map is full. With keep_room, a slice stays clear rather than take the entries that the bytes after it
// need: that is the second try, for samples of more slices than entries.
Result<std::optional<SubsampleMap>> try_avc(ByteView access_unit, std::size_t nal_length_size, bool keep_room) {
  MapBuilder builder;
  ByteReader reader(access_unit);
  while (!reader.empty()) {
    AIRCHECK_TRY(const ByteView length_field, reader.bytes(nal_length_size));
    std::size_t nal_size = 0;
    for (const std::uint8_t byte : length_field) nal_size = nal_size << 8 | byte;
    AIRCHECK_TRY(const ByteView nal, reader.bytes(nal_size));

    const std::size_t unit_size = nal_length_size + nal_size;
    const std::size_t protectable = unit_size < kMinProtectedNal ? 0 : (unit_size - kClearLead) / 16 * 16;
    const std::size_t clear_lead = unit_size - protectable;
    if (protectable == 0 || !is_slice(nal.front()) ||
        (keep_room && !builder.has_room(clear_lead, reader.remaining()))) {
      builder.add_clear(unit_size);
      continue;
    }
    builder.add_clear(clear_lead);
    if (!builder.add_protected(protectable)) return std::optional<SubsampleMap>();
  }
  if (!builder.finish()) return std::optional<SubsampleMap>();
  return std::optional<SubsampleMap>(builder.map());
}

}  // namespace

bool SubsampleMap::append(Subsample subsample) {
  if (size_ == entries_.size()) return false;
  entries_[size_++] = subsample;
  return true;
}

Result<SubsampleMap> avc_subsamples(ByteView access_unit, std::size_t nal_length_size) {
  if (nal_length_size != 1 && nal_length_size != 2 && nal_length_size != 4) {
    return fail(Code::kInvalidArgument,
                "NAL unit lengths are of 1, 2 or 4 bytes, not of " + std::to_string(nal_length_size));
  }
  for (const bool keep_room : {false, true}) {
    AIRCHECK_TRY(const auto map, try_avc(access_unit, nal_length_size, keep_room));
    if (map) return *map;
  }
  return fail(Code::kUnsupported, "an access unit of " + std::to_string(access_unit.size()) +
                                      " bytes needs more than " + std::to_string(SubsampleMap::kCapacity) +
                                      " subsamples; encode with fewer slices");
}

Result<CencCipher> CencCipher::create(const ContentKey& key) {
  AIRCHECK_TRY(auto aes, AesCtr::create(key));
  return CencCipher(std::move(aes));
}

Result<void> CencCipher::apply(std::span<std::uint8_t> sample, std::span<const Subsample> subsamples,
                               const CencIv& iv) {
  std::uint64_t described = subsamples.empty() ? sample.size() : 0;
  for (const Subsample& entry : subsamples) described += std::uint64_t{entry.clear_bytes} + entry.protected_bytes;
  if (described != sample.size()) {
    return fail(Code::kParse, "subsamples describe " + std::to_string(described) + " bytes, the sample has " +
                                  std::to_string(sample.size()));
  }

  AesBlock counter{};
  std::copy(iv.begin(), iv.end(), counter.begin());
  AIRCHECK_TRY_VOID(aes_.start(counter));
  if (subsamples.empty()) return aes_.apply(sample);
  for (const Subsample& entry : subsamples) {
    AIRCHECK_TRY_VOID(aes_.apply(sample.subspan(entry.clear_bytes, entry.protected_bytes)));
    sample = sample.subspan(std::size_t{entry.clear_bytes} + entry.protected_bytes);
  }
  return {};
}

CencIvSequence::CencIvSequence(const CencIv& first) {
  for (const std::uint8_t byte : first) next_ = next_ << 8 | byte;
}

Result<CencIvSequence> CencIvSequence::random() {
  CencIv first{};
  if (RAND_bytes(first.data(), static_cast<int>(first.size())) != 1) {
    return fail(Code::kInternal, "libcrypto gives no random bytes");
  }
  return CencIvSequence(first);
}

CencIv CencIvSequence::next() {
  CencIv iv{};
  for (std::size_t i = 0; i < iv.size(); ++i) iv[i] = static_cast<std::uint8_t>(next_ >> (56 - 8 * i));
  ++next_;
  return iv;
}

}  // namespace aircheck::core
