// The elements that this build made, from the registry.
#pragma once

#include <gst/gst.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

namespace aircheck::test {

inline bool is_ours(GstPlugin* plugin) {
  const char* const build_root = std::getenv("AIRCHECK_TEST_BUILD_ROOT");
  const char* const file = gst_plugin_get_filename(plugin);
  return file != nullptr && build_root != nullptr && g_str_has_prefix(file, build_root);
}

// Sorted; for INSTANTIATE_TEST_SUITE_P, before main().
inline std::vector<std::string> our_elements() {
  gst_init(nullptr, nullptr);
  std::vector<std::string> names;
  GList* const plugins = gst_registry_get_plugin_list(gst_registry_get());
  for (GList* p = plugins; p != nullptr; p = p->next) {
    auto* const plugin = static_cast<GstPlugin*>(p->data);
    if (!is_ours(plugin)) continue;
    GList* const features = gst_registry_get_feature_list_by_plugin(gst_registry_get(), gst_plugin_get_name(plugin));
    for (GList* f = features; f != nullptr; f = f->next) {
      if (GST_IS_ELEMENT_FACTORY(f->data)) names.emplace_back(gst_plugin_feature_get_name(f->data));
    }
    gst_plugin_feature_list_free(features);
  }
  gst_plugin_list_free(plugins);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace aircheck::test
