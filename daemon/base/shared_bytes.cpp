#include "base/shared_bytes.hpp"

#include <utility>

namespace aircheck::base {

namespace {

template <typename Container>
SharedBytes keep_container(Container bytes) {
  auto* const owned = new Container(std::move(bytes));
  const auto free = [](gpointer data) { delete static_cast<Container*>(data); };
  return {g_bytes_new_with_free_func(owned->data(), owned->size(), free, owned), g_bytes_unref};
}

}  // namespace

SharedBytes copy_of(core::ByteView bytes) {
  return {g_bytes_new(bytes.data(), bytes.size()), g_bytes_unref};
}

SharedBytes copy_of(std::string_view text) {
  return {g_bytes_new(text.data(), text.size()), g_bytes_unref};
}

SharedBytes keep(core::Bytes&& bytes) {
  return keep_container(std::move(bytes));
}

SharedBytes keep(std::string&& text) {
  return keep_container(std::move(text));
}

SharedBytes part_of(const SharedBytes& bytes, std::size_t first, std::size_t size) {
  return {g_bytes_new_from_bytes(bytes.get(), first, size), g_bytes_unref};
}

std::string_view text_of(const SharedBytes& bytes) {
  gsize size = 0;
  const auto* data = static_cast<const char*>(g_bytes_get_data(bytes.get(), &size));
  return {data, size};
}

}  // namespace aircheck::base
