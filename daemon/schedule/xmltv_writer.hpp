// The guide as XMLTV (xmltv.dtd), for apps that read listings.
#pragma once

#include <string>
#include <string_view>

#include "schedule/entry.hpp"

namespace aircheck::schedule {

// Channels first, then programmes, as the DTD wants it. Times are UTC, written "+0000".
class XmltvWriter {
 public:
  XmltvWriter();

  // icon_url may be empty.
  void channel(std::string_view id, std::string_view name, std::string_view icon_url);
  void programme(std::string_view channel, const Entry& entry);

  [[nodiscard]] std::string finish() &&;

 private:
  void element(std::string_view name, std::string_view attributes, std::string_view text);

  std::string text_;
};

}  // namespace aircheck::schedule
