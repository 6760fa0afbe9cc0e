// The keys of session tickets, one set for the whole process: a client may come back to another worker, another listener
// and another generation. In memory only, so that they die with the process. Internal to core/net.
#pragma once

#include "net/openssl.h"

namespace postern::net {

// They are changed every 12 hours (config: session_lifetime is at most that); those before are still taken, and those
// before these are not.
void use_ticket_keys(SSL_CTX* context);

}  // namespace postern::net
