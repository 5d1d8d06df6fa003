// Bytes that several answers may share, in the form in which they are sent.
#pragma once

#include <glib.h>

#include <memory>

namespace aircheck::http {

using SharedBytes = std::shared_ptr<GBytes>;

}  // namespace aircheck::http
