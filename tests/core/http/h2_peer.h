// An HTTP/2 client for tests of the server codec: nghttp2's own, in memory. Sends what it is told to, right or wrong.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace postern::http {

class H2Peer {
 public:
  using Fields = std::vector<std::pair<std::string, std::string>>;
  struct Answer {
    std::string head;  // "200 name=value|", 1xx before it
    std::string body;
    std::string trailers;
    bool ended = false;
    std::int64_t reset = -1;  // code
  };

  // `window`: of each stream, for answers; `gives_room`: as they are read.
  explicit H2Peer(std::uint32_t window = 65535, bool gives_room = true) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_option* option = nullptr;
    nghttp2_option_new(&option);
    nghttp2_option_set_no_auto_window_update(option, gives_room ? 0 : 1);
    nghttp2_option_set_no_http_messaging(option, 1);
    nghttp2_option_set_max_send_header_block_length(option, 16U << 20);
    nghttp2_option_set_max_continuations(option, 1024);
    nghttp2_session_client_new2(&session_, callbacks, this, option);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_settings_entry setting{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window};
    nghttp2_submit_settings(session_, 0, &setting, 1);
  }
  ~H2Peer() { nghttp2_session_del(session_); }
  H2Peer(const H2Peer&) = delete;
  H2Peer& operator=(const H2Peer&) = delete;

  nghttp2_session* session() { return session_; }
  // `body`: sent with END_STREAM behind it (and `trailers`), unless it stays open.
  std::int32_t request(const Fields& fields, const char* body = nullptr, bool stays_open = false) {
    auto lines = lines_of(fields);
    if (body == nullptr && !stays_open)
      return nghttp2_submit_request(session_, nullptr, lines.data(), lines.size(), nullptr, nullptr);
    sources_.emplace_back(std::make_pair(std::string(body != nullptr ? body : ""), stays_open));
    nghttp2_data_provider provider{};
    provider.source.ptr = reinterpret_cast<void*>(sources_.size() - 1);
    provider.read_callback = read;
    return nghttp2_submit_request(session_, nullptr, lines.data(), lines.size(), &provider, nullptr);
  }
  void trailers_at_end(Fields fields) { trailers_ = std::move(fields); }
  std::string take_output() {
    std::string bytes;
    const std::uint8_t* piece = nullptr;
    for (ssize_t size; (size = nghttp2_session_mem_send(session_, &piece)) > 0;)
      bytes.append(reinterpret_cast<const char*>(piece), static_cast<std::size_t>(size));
    return bytes;
  }
  void receive(std::string_view bytes) {
    nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  }

  std::map<std::int32_t, Answer> answers;
  std::int64_t goaway = -1;
  std::int32_t last_stream = -1;

 private:
  static H2Peer& of(void* user) { return *static_cast<H2Peer*>(user); }
  static std::vector<nghttp2_nv> lines_of(const Fields& fields) {
    std::vector<nghttp2_nv> lines;
    for (const auto& [name, value] : fields)
      lines.push_back({bytes_of(name), bytes_of(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
    return lines;
  }
  static std::uint8_t* bytes_of(const std::string& text) {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
  }
  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                       const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* user) {
    Answer& answer = of(user).answers[frame->hd.stream_id];
    std::string_view key(reinterpret_cast<const char*>(name), name_size);
    std::string text(reinterpret_cast<const char*>(value), value_size);
    bool trailers = frame->headers.cat == NGHTTP2_HCAT_HEADERS && !answer.head.empty() && answer.head[0] != '1';
    auto& to = trailers ? answer.trailers : answer.head;
    if (key == ":status")
      to.append(text).append(" ");
    else
      to.append(key).append("=").append(text).append("|");
    return 0;
  }
  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    H2Peer& peer = of(user);
    if (frame->hd.type == NGHTTP2_GOAWAY) {
      peer.goaway = frame->goaway.error_code;
      peer.last_stream = frame->goaway.last_stream_id;
    }
    if (frame->hd.type == NGHTTP2_RST_STREAM) peer.answers[frame->hd.stream_id].reset = frame->rst_stream.error_code;
    bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (ends && (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS))
      peer.answers[frame->hd.stream_id].ended = true;
    return 0;
  }
  static int on_data(nghttp2_session*, std::uint8_t, std::int32_t stream, const std::uint8_t* bytes, std::size_t size,
                     void* user) {
    of(user).answers[stream].body.append(reinterpret_cast<const char*>(bytes), size);
    return 0;
  }
  static ssize_t read(nghttp2_session* session, std::int32_t stream, std::uint8_t* to, std::size_t size,
                      std::uint32_t* flags, nghttp2_data_source* source, void* user) {
    H2Peer& peer = of(user);
    auto& [text, stays_open] = peer.sources_[reinterpret_cast<std::size_t>(source->ptr)];
    std::size_t taken = std::min(size, text.size());
    std::memcpy(to, text.data(), taken);
    text.erase(0, taken);
    if (!text.empty()) return static_cast<ssize_t>(taken);
    if (stays_open) return taken > 0 ? static_cast<ssize_t>(taken) : static_cast<ssize_t>(NGHTTP2_ERR_DEFERRED);
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (!peer.trailers_.empty()) {
      *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
      auto lines = lines_of(peer.trailers_);
      nghttp2_submit_trailer(session, stream, lines.data(), lines.size());
    }
    return static_cast<ssize_t>(taken);
  }

  nghttp2_session* session_ = nullptr;
  std::vector<std::pair<std::string, bool>> sources_;
  Fields trailers_;
};

}  // namespace postern::http
