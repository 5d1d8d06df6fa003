// aircheck-inspect [--json] FILE: boxes, tracks, indexes and fragments of an MP4 file, and what a segment of Aircheck
// says about itself. A file that is damaged gives one `error:` line and exit status 1.
#include <cstdio>
#include <iostream>
#include <sstream>

#include "core/time.hpp"
#include "core/tools/json_text.hpp"
#include "core/tools/media_file.hpp"

namespace aircheck::inspect {
namespace {

namespace bmff = core::bmff;

constexpr const char* kUsage =
    "usage: aircheck-inspect [--json] FILE\n"
    "Shows the boxes of an MP4 file with offset and size, its tracks and their protection, its indexes and fragments\n"
    "with their producer reference times, and for a segment of Aircheck its number, start, duration and key id.\n"
    "  --json     the same as one JSON object\n"
    "  --version  the version of Aircheck\n"
    "  --help     this text\n"
    "Exit status: 0, 1 for a file that cannot be read or is damaged, 2 for a wrong command line.\n";

const char* to_text(bmff::TrackKind kind) {
  switch (kind) {
    case bmff::TrackKind::kVideo: return "video";
    case bmff::TrackKind::kAudio: return "audio";
    case bmff::TrackKind::kOther: break;
  }
  return "other";
}

void print_boxes(std::ostream& out, const std::vector<Box>& boxes, const std::string& indent) {
  for (const Box& box : boxes) {
    std::array<char, 64> numbers{};
    std::snprintf(numbers.data(), numbers.size(), "%12llu %12llu  ", static_cast<unsigned long long>(box.offset),
                  static_cast<unsigned long long>(box.size));
    out << numbers.data() << indent << box.type << "\n";
    print_boxes(out, box.children, indent + "  ");
  }
}

std::uint32_t reference_size(const bmff::Sidx::Reference& reference) {
  return reference.size & 0x7fffffffU;
}
bool is_to_index(const bmff::Sidx::Reference& reference) {
  return reference_size(reference) != reference.size;
}
bool starts_with_sap(const bmff::Sidx::Reference& reference) {
  return (reference.sap & bmff::Sidx::kStartsWithSap) != 0;
}
std::uint32_t sap_type(const bmff::Sidx::Reference& reference) {
  return reference.sap >> bmff::Sidx::kSapTypeShift & 7U;
}

// Of a 32.32 number of seconds since 1900.
std::string utc_of(std::uint64_t ntp_time) {
  constexpr std::int64_t kNtpEpoch = 2'208'988'800;  // s from 1900 to 1970
  const auto fraction_ns = static_cast<std::int64_t>((ntp_time & UINT32_MAX) * core::kNsPerSecond >> 32U);
  const auto seconds = static_cast<std::int64_t>(ntp_time >> 32U) - kNtpEpoch;
  return core::to_rfc3339(core::Utc{seconds * core::kNsPerSecond + fraction_ns}, 9);
}

std::string seconds(std::uint64_t value, std::uint32_t timescale) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.6f s", static_cast<double>(value) / timescale);
  return text.data();
}

void print_protection(std::ostream& out, const bmff::TrackInfo& track) {
  if (track.scheme.empty()) return;
  out << ", " << track.scheme << " with key id " << core::to_hex(*track.default_key_id);
  if (track.crypt_byte_block != 0 || track.skip_byte_block != 0) {
    out << ", pattern " << int{track.crypt_byte_block} << ":" << int{track.skip_byte_block};
  }
  if (track.constant_iv.empty()) {
    out << ", IVs of " << int{track.per_sample_iv_size} << " bytes";
  } else {
    out << ", constant IV of " << track.constant_iv.size() << " bytes";
  }
}

void print_track(std::ostream& out, const bmff::TrackInfo& track) {
  out << "track " << track.id << ": " << to_text(track.kind) << ", " << track.codec << ", timescale "
      << track.timescale;
  if (track.width != 0) out << ", " << track.width << "x" << track.height;
  if (track.sample_rate != 0) out << ", " << track.sample_rate << " Hz, " << track.channels << " channels";
  if (!track.language.empty()) out << ", language " << track.language;
  print_protection(out, track);
  out << "\n";
}

void print_index(std::ostream& out, const bmff::Sidx& index) {
  out << "index of track " << index.reference_id << ": from " << index.earliest_presentation_time << ", timescale "
      << index.timescale << ", " << index.references.size() << " references\n";
  for (const bmff::Sidx::Reference& reference : index.references) {
    out << "  " << reference_size(reference) << " bytes, duration " << reference.duration << " ("
        << seconds(reference.duration, index.timescale) << ")";
    if (is_to_index(reference)) out << ", another index";
    if (starts_with_sap(reference)) out << ", starts with an access point of type " << sap_type(reference);
    out << "\n";
  }
}

void print_segment(std::ostream& out, const core::SegmentInfo& segment) {
  out << "segment: sequence " << segment.sequence << ", start " << core::to_rfc3339(segment.start, 9) << ", duration "
      << seconds(static_cast<std::uint64_t>(segment.duration_ns), 1'000'000'000) << ", discontinuity sequence "
      << segment.discontinuity_sequence << (segment.discontinuity ? " (begins here)" : "") << ", epoch "
      << segment.epoch << ", target " << segment.target_duration_s << " s, maximum " << segment.max_duration_s
      << " s, init " << segment.init_name << ", key id "
      << (segment.key_id ? core::to_hex(*segment.key_id) : std::string("none")) << "\n";
}

void print_fragment(std::ostream& out, const Fragment& fragment, const bmff::InitInfo* context) {
  out << "fragment " << fragment.info.sequence_number << ":\n";
  if (fragment.producer_time) {
    const bmff::Prft& time = *fragment.producer_time;
    out << "  produced at " << utc_of(time.ntp_time) << ", which is " << time.media_time << " of track "
        << time.track_id << "\n";
  }
  for (const bmff::TrackFragment& track : fragment.info.tracks) {
    const bmff::TrackInfo* info = context != nullptr ? context->find(track.track_id) : nullptr;
    out << "  track " << track.track_id << ": tfdt " << track.base_media_decode_time << ", " << track.samples.size()
        << " samples, duration " << track.duration();
    if (info != nullptr) out << " (" << seconds(track.duration(), info->timescale) << ")";
    if (!track.senc.empty()) out << ", encrypted";
    out << "\n";
  }
}

std::string as_text(const MediaFile& media) {
  std::ostringstream out;
  out << media.path << ": " << media.size << " bytes\n      offset         size  box\n";
  print_boxes(out, media.boxes, "");
  if (media.segment) print_segment(out, *media.segment);
  if (media.init) {
    for (const bmff::TrackInfo& track : media.init->tracks) print_track(out, track);
  }
  for (const bmff::Sidx& index : media.indexes) print_index(out, index);
  for (const Fragment& fragment : media.fragments) {
    print_fragment(out, fragment, media.context ? &*media.context : nullptr);
  }
  return out.str();
}

void boxes_json(JsonText& json, const std::vector<Box>& boxes) {
  json.begin_array();
  for (const Box& box : boxes) {
    json.begin_object().key("type").string(box.type).key("offset").number(box.offset).key("size").number(box.size);
    if (!box.children.empty()) {
      json.key("children");
      boxes_json(json, box.children);
    }
    json.end_object();
  }
  json.end_array();
}

void track_json(JsonText& json, const bmff::TrackInfo& track) {
  json.begin_object().key("track_id").number(track.id).key("kind").string(to_text(track.kind));
  json.key("codec").string(track.codec).key("timescale").number(track.timescale);
  if (!track.language.empty()) json.key("language").string(track.language);
  if (track.width != 0) json.key("width").number(track.width).key("height").number(track.height);
  if (track.sample_rate != 0) {
    json.key("sample_rate").number(track.sample_rate).key("channels").number(track.channels);
  }
  if (!track.scheme.empty()) {
    json.key("scheme").string(track.scheme).key("key_id").string(core::to_hex(*track.default_key_id));
    json.key("crypt_byte_block").number(track.crypt_byte_block).key("skip_byte_block").number(track.skip_byte_block);
    json.key("iv_size").number(track.per_sample_iv_size).key("constant_iv").boolean(!track.constant_iv.empty());
  }
  json.end_object();
}

void segment_json(JsonText& json, const core::SegmentInfo& segment) {
  json.begin_object().key("sequence").number(segment.sequence);
  json.key("discontinuity_sequence").number(segment.discontinuity_sequence);
  json.key("discontinuity").boolean(segment.discontinuity);
  json.key("start").string(core::to_rfc3339(segment.start, 9)).key("start_ns").number(segment.start.ns);
  json.key("duration_ns").number(segment.duration_ns).key("epoch").number(segment.epoch);
  json.key("target_duration").number(segment.target_duration_s).key("max_duration").number(segment.max_duration_s);
  json.key("init").string(segment.init_name);
  if (segment.key_id) json.key("key_id").string(core::to_hex(*segment.key_id));
  json.end_object();
}

void index_json(JsonText& json, const bmff::Sidx& index) {
  json.begin_object().key("track_id").number(index.reference_id).key("timescale").number(index.timescale);
  json.key("earliest_presentation_time").number(index.earliest_presentation_time);
  json.key("first_offset").number(index.first_offset).key("references").begin_array();
  for (const bmff::Sidx::Reference& reference : index.references) {
    json.begin_object().key("size").number(reference_size(reference)).key("duration").number(reference.duration);
    json.key("to_index").boolean(is_to_index(reference)).key("starts_with_sap").boolean(starts_with_sap(reference));
    json.key("sap_type").number(sap_type(reference)).end_object();
  }
  json.end_array().end_object();
}

void fragment_json(JsonText& json, const Fragment& fragment, const bmff::InitInfo* context) {
  json.begin_object().key("sequence_number").number(fragment.info.sequence_number);
  if (fragment.producer_time) {
    const bmff::Prft& time = *fragment.producer_time;
    json.key("producer_time").begin_object().key("track_id").number(time.track_id);
    json.key("utc").string(utc_of(time.ntp_time)).key("media_time").number(time.media_time).end_object();
  }
  json.key("tracks").begin_array();
  for (const bmff::TrackFragment& track : fragment.info.tracks) {
    const bmff::TrackInfo* info = context != nullptr ? context->find(track.track_id) : nullptr;
    json.begin_object().key("track_id").number(track.track_id).key("tfdt").number(track.base_media_decode_time);
    json.key("samples").number(track.samples.size()).key("duration").number(track.duration());
    if (info != nullptr) json.key("timescale").number(info->timescale);
    json.key("encrypted").boolean(!track.senc.empty()).end_object();
  }
  json.end_array().end_object();
}

std::string as_json(const MediaFile& media) {
  JsonText json;
  json.begin_object().key("file").string(media.path).key("size").number(media.size).key("boxes");
  boxes_json(json, media.boxes);
  if (media.segment) {
    json.key("segment");
    segment_json(json, *media.segment);
  }
  if (media.init) {
    json.key("tracks").begin_array();
    for (const bmff::TrackInfo& track : media.init->tracks) track_json(json, track);
    json.end_array();
  }
  if (!media.indexes.empty()) {
    json.key("indexes").begin_array();
    for (const bmff::Sidx& index : media.indexes) index_json(json, index);
    json.end_array();
  }
  json.key("fragments").begin_array();
  for (const Fragment& fragment : media.fragments) {
    fragment_json(json, fragment, media.context ? &*media.context : nullptr);
  }
  json.end_array().end_object();
  return json.take() + "\n";
}

int run(std::span<char*> arguments) {
  bool json = false;
  std::string path;
  for (const std::string argument : arguments) {
    if (argument == "--help" || argument == "-h") {
      std::cout << kUsage;
      return 0;
    }
    if (argument == "--version") {
      std::cout << "aircheck-inspect " AIRCHECK_VERSION "\n";
      return 0;
    }
    if (argument == "--json") {
      json = true;
    } else if (argument.starts_with("-") || !path.empty()) {
      std::cerr << "error: unexpected argument '" << argument << "'; see aircheck-inspect --help\n";
      return 2;
    } else {
      path = argument;
    }
  }
  if (path.empty()) {
    std::cerr << "error: no file given; see aircheck-inspect --help\n";
    return 2;
  }
  const auto media = read_media_file(path);
  if (!media) {
    std::cerr << "error: " << path << ": " << media.error().message << "\n";
    return 1;
  }
  std::cout << (json ? as_json(*media) : as_text(*media));
  return std::cout.good() ? 0 : 1;
}

}  // namespace
}  // namespace aircheck::inspect

int main(int argc, char** argv) {
  return aircheck::inspect::run(std::span(argv, static_cast<std::size_t>(argc)).subspan(argc > 0 ? 1 : 0));
}
