// Which handler answers which method and path. The routes can be listed: openapi.yaml is compared with them.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/request.hpp"
#include "http/responder.hpp"

namespace aircheck::http {

using Handler = std::function<void(const Request&, Responder)>;

// Makes handlers of a resource's methods; the resource lives as long as they do.
template <typename Resource>
auto handlers_of(std::shared_ptr<const Resource> resource) {
  return [resource = std::move(resource)](void (Resource::*method)(const Request&, Responder) const) -> Handler {
    return [resource, method](const Request& request, Responder responder) {
      (*resource.*method)(request, std::move(responder));
    };
  };
}

class Router {
 public:
  struct Route {
    std::string method;
    std::string path;  // template: "/api/v1/channels/{channel_id}", "/hls/{cdn_channel_key}/{path...}"
    Handler handler;
    std::vector<std::string> segments;
    std::string rank;  // the smallest of the templates that match is the most literal
  };
  struct Match {
    const Route* route = nullptr;               // null: nothing answers
    std::map<std::string, std::string> params;  // decoded
    std::string allow;                          // not empty: the path exists with these methods only (405)
  };

  // A literal segment wins over {name}, which takes one segment, and that over {name...}, which takes all that follow
  // and stands last. HEAD is answered by GET.
  void add(const std::string& method, const std::string& path, Handler handler);
  void get(const std::string& path, Handler handler) { add("GET", path, std::move(handler)); }
  void post(const std::string& path, Handler handler) { add("POST", path, std::move(handler)); }
  void put(const std::string& path, Handler handler) { add("PUT", path, std::move(handler)); }
  void patch(const std::string& path, Handler handler) { add("PATCH", path, std::move(handler)); }
  void remove(const std::string& path, Handler handler) { add("DELETE", path, std::move(handler)); }

  // For GET requests that no route takes, outside /api/ and /hls/: the web page.
  void set_fallback(Handler handler) { fallback_ = std::move(handler); }
  [[nodiscard]] const Handler& fallback() const { return fallback_; }

  // `path` is percent-encoded; segments are decoded one by one, so that an encoded slash never makes a new segment.
  [[nodiscard]] Match match(std::string_view method, std::string_view path) const;

  [[nodiscard]] const std::vector<Route>& routes() const { return routes_; }

 private:
  // The methods of all routes that match a path, which is split and decoded.
  [[nodiscard]] std::string allowed_at(const std::vector<std::string>& segments) const;
  // Those whose first segment is this path's, or a parameter.
  template <typename Function>
  void each_candidate(const std::vector<std::string>& segments, const Function& function) const;

  std::vector<Route> routes_;
  std::map<std::string, std::vector<std::size_t>>
      by_first_;  // places in routes_; "": those that begin with a parameter
  Handler fallback_;
};

}  // namespace aircheck::http
