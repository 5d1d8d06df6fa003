// Reading caps and structures, and the pad templates of an element class.
#pragma once

#include <gst/gst.h>

#include <cstdint>
#include <optional>

#include "gstx/ref.hpp"

namespace aircheck::gstx {

// The text is a constant of the program: a mistake in it is a programming mistake and aborts.
[[nodiscard]] Ref<GstCaps> caps_from_text(const char* text);

// A field of a structure, such as codec_data; null when it is absent or of another type.
[[nodiscard]] Ref<GstBuffer> buffer_field(const GstStructure* structure, const char* name);

// The same by the quark of the name, which costs no look-up of it, and without a reference: for what is read from every
// buffer.
[[nodiscard]] GstBuffer* peek_buffer(const GstStructure* structure, GQuark name);
// Nothing where it is absent or no unsigned integer.
[[nodiscard]] std::optional<std::uint32_t> peek_uint(const GstStructure* structure, GQuark name);

// Adds an always pad; see the overload for others and for pads of a type of your own.
void add_pad_template(GstElementClass* element_class, const char* name, GstPadDirection direction, const char* caps);
void add_pad_template(GstElementClass* element_class, const char* name, GstPadDirection direction,
                      GstPadPresence presence, const char* caps, GType pad_type);

}  // namespace aircheck::gstx
