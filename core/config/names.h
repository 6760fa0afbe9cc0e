// The small grammars of configuration values: names, addresses, hosts, address blocks.
#pragma once

#include <string>
#include <string_view>

namespace postern::config {

bool is_plugin_name(std::string_view text);  // lower-case letters, digits, "-" and "_"; at most 64; also stacks
bool is_name(
    std::string_view text);  // letters, digits, ".", "_", "-"; at most 128: ids, listeners, upstreams, instances
bool is_token(std::string_view text);  // RFC 9110 section 5.6.2: methods, field names

// "0.0.0.0:8080", "[::]:80", "unix:/run/x.sock". Host names are no listening addresses.
bool is_listen_address(std::string_view text, std::string& problem);
// The same and "host:port"; port 1..65535.
bool is_target_address(std::string_view text, std::string& problem);
// "api.example.com", "*.example.com", "127.0.0.1", "[::1]"; lower case, no port.
bool is_host_pattern(std::string_view text, std::string& problem);
bool is_address_block(std::string_view text);  // "10.0.0.0/8", "192.0.2.1", "2001:db8::/32"

}  // namespace postern::config
