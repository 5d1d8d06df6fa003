// One answer of the server on its way to the client: what every answer has in common, ranges, and what is counted.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/problem.hpp"
#include "http/large_answers.hpp"
#include "http/responder.hpp"
#include "http/traffic_meter.hpp"
#include "http/transport.hpp"

namespace aircheck::http {

class ServerExchange final : public Exchange {
 public:
  // What is counted and logged of a request once it is answered.
  struct Summary {
    std::string_view route = "none";
    std::string method;
    std::string path;
    std::string kind;
    std::string client_address;
  };

  ServerExchange(const RequestHead& head, std::shared_ptr<const Peer> peer, std::shared_ptr<ReturnPath> path,
                 std::shared_ptr<TrafficMeter> meter, std::shared_ptr<LargeAnswers> large);

  void set_header(const std::string& name, const std::string& value) override;
  void send(int status, const std::string& content_type, const std::vector<base::SharedBytes>& body) override;
  [[nodiscard]] bool accepts_gzip() const override { return gzip_; }
  [[nodiscard]] std::string request_id() const override { return id_; }

  Summary summary;  // filled in until the handler gets the request

 private:
  [[nodiscard]] bool is_current() const;
  [[nodiscard]] const std::string* header(std::string_view name) const;
  [[nodiscard]] bool has_room_for(const std::vector<base::SharedBytes>& body, std::size_t size);
  void refuse_for_now();
  void refuse_range(std::size_t size);
  void problem(const base::Problem& problem);
  void write(int status, const std::string& content_type, const std::vector<base::SharedBytes>& body);
  void report(int status, std::size_t bytes) const;

  std::string id_;
  std::shared_ptr<const Peer> peer_;
  std::shared_ptr<ReturnPath> path_;
  std::shared_ptr<TrafficMeter> meter_;
  std::shared_ptr<LargeAnswers> large_;
  std::int64_t began_us_;  // monotonic
  ReturnPath::Headers headers_;
  std::string range_;  // Range and If-Range of a GET request
  std::string if_range_;
  bool gzip_ = false;
  bool head_ = false;
};

// The problem for what is no request that we take, with the headers that every answer has.
void refuse_malformed(std::string_view why, ReturnPath& path);

}  // namespace aircheck::http
