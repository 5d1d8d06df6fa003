#include "catchup/listing.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <tuple>

#include "catchup/folder.hpp"
#include "catchup/tasks.hpp"

namespace aircheck::catchup {

namespace {

using core::Code;
using core::Result;

using Names = std::vector<SegmentName>;

// Says of nearly every name outside a span of stems that it is outside, by one comparison of bytes.
class Span {
 public:
  // Of the paths `folder` + name, those from `first` to `last` in the order of their bytes.
  Span(std::string_view folder, std::string_view first, std::string_view last)
      : first_(below(folder, first)), last_(below(folder, last)) {}

  [[nodiscard]] bool may_hold(std::string_view name) const {
    return compare(name, first_) >= 0 && compare(name, last_) <= 0;
  }

 private:
  struct Bound {
    int outside = 0;  // the whole folder comes after it (1) or before it (-1)
    std::string_view rest;
  };

  static Bound below(std::string_view folder, std::string_view bound) {
    const int order = folder.compare(bound.substr(0, folder.size()));
    return order == 0 ? Bound{0, bound.substr(folder.size())} : Bound{order, {}};
  }
  static int compare(std::string_view name, const Bound& bound) {
    return bound.outside != 0 ? bound.outside : name.substr(0, bound.rest.size()).compare(bound.rest);
  }

  Bound first_;
  Bound last_;
};

class Listing {
 public:
  explicit Listing(const Wanted& wanted)
      : wanted_(wanted),
        first_(wanted.pattern.stem(wanted.from, wanted.track)),
        last_(wanted.pattern.stem(wanted.end, wanted.track)),
        sorted_(wanted.pattern.sorts_by_time() && first_.size() == last_.size()) {}

  Result<Names> run(const std::vector<std::string>& folders);

 private:
  struct Part {
    Names names;
    Result<void> read;
  };
  struct Listed {
    std::string path;
    Result<void> opened;
    std::vector<Part> parts;
  };

  void list(Listed& listed);
  void list_part(const Folder& folder, const std::string& path, std::size_t index, Part& part);
  void read_heads(Names& names);

  const Wanted& wanted_;
  std::string first_;
  std::string last_;
  bool sorted_;
  Tasks tasks_;
};

// The parts of a folder come before other folders, so that few are open at a time.
void Listing::list(Listed& listed) {
  auto opened = Folder::open(listed.path);
  if (!opened) {
    listed.opened = opened.unexpected();
    return;
  }
  if (!*opened) {
    if (wanted_.pattern.folder_period_ns() != 0) return;
    listed.opened =
        core::fail(Code::kNotFound, "location: there is no folder '" + (listed.path.empty() ? "." : listed.path) + "'");
    return;
  }
  const auto folder = std::make_shared<const Folder>(std::move(**opened));
  listed.parts.resize(folder->parts());
  for (std::size_t i = 1; i < listed.parts.size(); ++i) {
    tasks_.add_first([this, folder, &listed, i] { list_part(*folder, listed.path, i, listed.parts[i]); });
  }
  list_part(*folder, listed.path, 0, listed.parts.front());
}

void Listing::list_part(const Folder& folder, const std::string& folder_path, std::size_t index, Part& part) {
  const Span span(folder_path, first_, last_);
  std::string path = folder_path;
  part.read = folder.for_each_name(index, [&](std::string_view name) {
    if (sorted_ && !span.may_hold(name)) return;
    path.resize(folder_path.size());
    path += name;
    const auto parsed = wanted_.pattern.parse_name(path);
    const bool inside =
        parsed && parsed->track == wanted_.track && parsed->utc >= wanted_.from && parsed->utc < wanted_.end;
    if (inside) part.names.push_back({parsed->utc, parsed->epoch, parsed->duplicate, path, nullptr});
  });
  std::sort(part.names.begin(), part.names.end(), older);
  read_heads(part.names);
}

// Opening a file takes longer than reading its head: two hours of 6 s are 1,200 of them.
void Listing::read_heads(Names& names) {
  constexpr std::size_t kBatch = 32;
  std::vector<SegmentName*> wanted;
  for (SegmentName& name : names) {
    if (name.start >= wanted_.heads_from) wanted.push_back(&name);
  }
  for (std::size_t first = 0; first < wanted.size(); first += kBatch) {
    const auto begin = wanted.begin() + static_cast<std::ptrdiff_t>(first);
    const auto end = begin + static_cast<std::ptrdiff_t>(std::min(kBatch, wanted.size() - first));
    tasks_.add([batch = std::vector(begin, end)] {
      SegmentReader reader;
      for (SegmentName* const name : batch) reader.read_head(*name);
    });
  }
}

// Sorts what consists of sorted runs, each of which ends where one of `ends` says.
void merge_runs(Names& names, std::vector<std::size_t> ends) {
  const auto at = [&](std::size_t index) { return names.begin() + static_cast<std::ptrdiff_t>(index); };
  while (ends.size() > 1) {
    std::vector<std::size_t> longer;
    for (std::size_t i = 0; i < ends.size(); i += 2) {
      longer.push_back(ends[std::min(i + 1, ends.size() - 1)]);
      if (i + 1 < ends.size()) std::inplace_merge(at(i == 0 ? 0 : ends[i - 1]), at(ends[i]), at(ends[i + 1]), older);
    }
    ends = std::move(longer);
  }
}

Result<Names> Listing::run(const std::vector<std::string>& folders) {
  std::vector<Listed> all(folders.size());
  for (std::size_t i = 0; i < folders.size(); ++i) {
    all[i].path = folders[i];
    tasks_.add([this, &listed = all[i]] { list(listed); });
  }
  tasks_.run();
  Names names;
  std::vector<std::size_t> ends;
  for (Listed& listed : all) {
    AIRCHECK_TRY_VOID(std::move(listed.opened));
    for (Part& part : listed.parts) {
      AIRCHECK_TRY_VOID(std::move(part.read));
      std::move(part.names.begin(), part.names.end(), std::back_inserter(names));
      ends.push_back(names.size());
    }
  }
  merge_runs(names, std::move(ends));
  return names;
}

}  // namespace

bool older(const SegmentName& a, const SegmentName& b) {
  return std::tie(a.epoch, a.start, a.duplicate) < std::tie(b.epoch, b.start, b.duplicate);
}

Result<Names> list_names(const std::vector<std::string>& folders, const Wanted& wanted) {
  return Listing(wanted).run(folders);
}

}  // namespace aircheck::catchup
