// Setting properties of named elements of a parsed pipeline, with their types and ranges checked.
#pragma once

#include <gst/gst.h>

#include <string>
#include <string_view>

#include "core/result.hpp"
#include "core/secret.hpp"
#include "worker/description.hpp"

namespace aircheck::worker {

// "element.property", "element:pad.property", either with "*FACTOR" behind it.
core::Result<Binding> parse_binding(std::string_view text);

// Refuses what the property would clamp. An instant goes into a GDateTime, or as RFC 3339 into text.
core::Result<void> set_binding(GstElement* pipeline, const Binding& binding, const DescriptionValue& value);

// As hexadecimal text; no copy of it stays behind on our side.
core::Result<void> set_secret(GstElement* pipeline, const std::string& element, const char* property,
                              const core::ContentKey& key);

// kUnsupported: the element has no action signal rotate-key (string key-id, string key, uint64 running-time) ->
// boolean.
core::Result<void> check_rotates(GstElement* pipeline, const std::string& name);

// Emits that signal.
core::Result<void> rotate_key(GstElement* pipeline, const std::string& name, const control::Encryption& next,
                              GstClockTime running_time);

// Emits the action signal cut (uint64 running-time) of each element of the pipeline that has it: another segment, and a
// key frame for it, from that time.
void ask_for_cut(GstElement* pipeline, GstClockTime running_time);

// Takes an element with one sink pad and one source pad out and links its neighbours to each other.
core::Result<void> bypass_element(GstElement* pipeline, const std::string& name);

}  // namespace aircheck::worker
