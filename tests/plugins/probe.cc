// probe: does what the header x-do asks for, straight through the tables, and reports every answer in x-did. A scenario sees
// from outside what the gateway lets a plugin do and what it refuses.
#include <postern/plugin.h>

#include <cstring>
#include <string>

namespace {

struct Tables {
  const postern_exchange_table* exchange = nullptr;
  const postern_connection_table* connection = nullptr;
  const postern_timer_table* timer = nullptr;
  const postern_template_table* text = nullptr;
  const postern_instance_table* instance = nullptr;
};

struct Instance {
  postern_instance instance = nullptr;
  postern_template greeting = nullptr;
};

Tables tables;

postern_str str(const char* s) { return {s, std::strlen(s)}; }

void report(postern_exchange x, const char* what, std::int64_t answer) {
  std::string line = std::string(what) + "=" + std::to_string(answer);
  tables.exchange->header_add(x, POSTERN_REQUEST, str("x-did"), {line.data(), line.size()});
}

void set_headers(postern_exchange x) {
  const auto* t = tables.exchange;
  for (const char* name :
       {"Content-Length", "transfer-encoding", "Connection", "Keep-Alive", "TE", "Trailer", "Upgrade", "Expect"})
    report(x, name, t->header_set(x, POSTERN_REQUEST, str(name), str("1")));
  report(x, "trailers", t->header_set(x, POSTERN_REQUEST, str("te"), str("trailers")));
  report(x, "injected", t->header_set(x, POSTERN_REQUEST, str("x-a"), str("b\r\nx-c: d")));
  report(x, "bad user", t->header_set(x, POSTERN_REQUEST, str("x-user"), str("eve\r\n")));
  report(x, "name", t->header_set(x, POSTERN_REQUEST, str("x a"), str("b")));
  report(x, "response", t->header_set(x, POSTERN_RESPONSE, str("x-a"), str("b")));
  report(x, "spaces", t->header_set(x, POSTERN_REQUEST, str("x-set"), str("  kept \t")));
  report(x, "absent", t->header_remove(x, POSTERN_REQUEST, str("x-absent")));
  report(x, "removed", t->header_remove(x, POSTERN_REQUEST, str("X-Secret")));
  report(x, "host", t->header_set(x, POSTERN_REQUEST, str("host"), str("Other.Example:81")));
  report(x, "second host", t->header_add(x, POSTERN_REQUEST, str("host"), str("evil")));
  report(x, "no host", t->header_remove(x, POSTERN_REQUEST, str("host")));
}

void set_variables(postern_exchange x, const Instance& self) {
  const auto* t = tables.exchange;
  postern_value value{};
  auto id = t->variable_id(str("probe.name"));
  report(x, "unset", t->variable_get(x, id, &value));
  value.type = POSTERN_VALUE_STRING;
  value.string = str("world");
  report(x, "set", t->variable_set(x, id, &value));
  report(x, "read-only", t->variable_set(x, t->variable_id(str("request.path")), &value));
  report(x, "path", t->variable_get(x, t->variable_id(str("request.path")), &value));
  const std::uint32_t ids[] = {id, 65'535, t->variable_id(str("probe.unset")), t->variable_id(str("request.path"))};
  postern_value values[4];
  report(x, "list", t->variable_list(x, ids, 4, values));
  std::int64_t types = 0;
  for (const auto& listed : values) types = 10 * types + listed.type;
  report(x, "types", types);
  t->header_set(x, POSTERN_REQUEST, str("x-listed-path"), values[3].string);
  postern_str greeting{};
  report(x, "expand", tables.text->expand(x, self.greeting, &greeting));
  t->header_set(x, POSTERN_REQUEST, str("x-greeting"), greeting);
}

void out_of_place(postern_exchange x) {
  const auto* t = tables.exchange;
  std::uint32_t status = 0;
  report(x, "status", t->status_get(x, &status));
  report(x, "retry", t->retry(x, 1));
  report(x, "origin", t->set_origin(x, POSTERN_ORIGIN_CACHE));
  report(x, "target", t->request_set(x, POSTERN_FIELD_TARGET, str("/x")));
  report(x, "climb", t->request_set(x, POSTERN_FIELD_PATH, str("/../../x")));
  postern_exchange_info info{};
  info.struct_size = 16;  // as if built when the struct was shorter
  report(x, "info", t->info(x, &info));
  report(x, "generation", static_cast<std::int64_t>(info.generation));
  report(x, "beyond", static_cast<std::int64_t>(info.started_unix_ms));
  report(x, "too much", t->allocate(x, 2 * 1024 * 1024) == nullptr ? 0 : 1);
}

std::string variable(postern_exchange x, const char* name) {
  postern_value value{};
  if (tables.exchange->variable_get(x, tables.exchange->variable_id(str(name)), &value) != POSTERN_OK) return "-";
  return {value.string.ptr, value.string.len};
}

std::string described(postern_exchange x) {
  postern_exchange_info info{};
  info.struct_size = sizeof info;
  tables.exchange->info(x, &info);
  std::string line = "exchange";
  for (const char* name : {"route.id", "tunnel.protocol", "request.protocol", "client.ip"})
    line += " " + variable(x, name);
  line += " in=" + std::to_string(info.request_body_bytes) + " out=" + std::to_string(info.response_body_bytes);
  return line + (info.started_unix_ms != 0 && info.connection != 0 ? " since" : " never");
}

std::string described_connection(postern_connection c) {
  postern_connection_info info{};
  info.struct_size = sizeof info;
  tables.connection->info(c, &info);
  std::string line = "connection " + std::string(info.protocol_view.ptr, info.protocol_view.len);
  line += " exchanges=" + std::to_string(info.exchanges);
  line += " at=" + std::string(info.local_address_view.ptr, info.local_address_view.len);
  line += info.local_port != 0 && info.local_port != info.peer_port ? " port" : " nowhere";
  return line + (info.opened_unix_ms != 0 ? " since" : " never");
}

// What is open on this worker, this exchange included.
void list(postern_exchange x) {
  auto tell = [x](const std::string& line) {
    tables.exchange->header_add(x, POSTERN_REQUEST, str("x-did"), {line.data(), line.size()});
  };
  for (auto one = tables.exchange->next(0); one != 0; one = tables.exchange->next(one)) tell(described(one));
  for (auto one = tables.connection->next(0); one != 0; one = tables.connection->next(one))
    tell(described_connection(one));
}

// Looks at every tunnel of this worker as often as a page that lists them does in days.
void watch(postern_exchange x) {
  std::int64_t unread = 0, changed = 0;
  for (auto one = tables.exchange->next(0); one != 0; one = tables.exchange->next(one)) {
    if (variable(one, "tunnel.protocol") == "-") continue;
    const std::uint32_t ids[] = {tables.exchange->variable_id(str("latency")),
                                 tables.exchange->variable_id(str("upstream.latency"))};
    postern_value first[2], again[2];
    tables.exchange->variable_list(one, ids, 2, first);
    const std::string before(first[0].string.ptr, first[0].string.len);
    for (int i = 0; i < 30'000; ++i) {
      tables.exchange->variable_list(one, ids, 2, again);
      for (const auto& value : again) unread += value.type != POSTERN_VALUE_STRING;
    }
    changed += before != std::string(first[0].string.ptr, first[0].string.len) || !before.ends_with("ms");
    changed += variable(one, "upstream.latency") != std::string(first[1].string.ptr, first[1].string.len);
  }
  report(x, "unread", unread);
  report(x, "changed", changed);
}

// What a plugin keeps with a tunnel between two looks at it.
struct Memory {
  postern_str greeting;
  std::int64_t looks;
};
std::int64_t looks_at_ended = 0;

void count_end(void* user) { looks_at_ended += static_cast<Memory*>(user)->looks; }

// Made in the hook of its own exchange, and looked at from others.
Memory* memory_of(postern_exchange x, const Instance& self, std::int64_t& lost) {
  const auto* t = tables.exchange;
  postern_value kept{};
  auto id = t->variable_id(str("probe.memory"));
  if (t->variable_get(x, id, &kept) != POSTERN_OK) {
    auto* memory = static_cast<Memory*>(t->allocate(x, sizeof(Memory)));
    lost += tables.text->expand(x, self.greeting, &memory->greeting) != POSTERN_OK;
    kept.type = POSTERN_VALUE_INT;
    kept.integer = reinterpret_cast<std::int64_t>(memory);
    lost += t->variable_set(x, id, &kept) != POSTERN_OK;
    lost += t->on_end(x, self.instance, count_end, memory) != POSTERN_OK;
  }
  return reinterpret_cast<Memory*>(kept.integer);
}

void remember(postern_exchange x, const Instance& self) {
  const std::string expected = "hello  at /ws";
  std::int64_t looks = 0, lost = 0;
  for (auto one = tables.exchange->next(0); one != 0; one = tables.exchange->next(one)) {
    if (variable(one, "tunnel.protocol") == "-") continue;
    auto* memory = memory_of(one, self, lost);
    looks += ++memory->looks;
    lost += std::string(memory->greeting.ptr, memory->greeting.len) != expected;
  }
  report(x, "looks", looks);
  report(x, "lost", lost);
  report(x, "ended", looks_at_ended);
}

struct Waiting {
  postern_ticket ticket;
};

// What the timer of an instance was told that neither ran nor waited in the exchange.
std::vector<std::pair<const char*, postern_status>> meddled;

void resume_twice(void* user) {
  auto ticket = static_cast<Waiting*>(user)->ticket;  // gone with the exchange, so copied first
  for (const auto& [what, status] : std::exchange(meddled, {})) report(ticket.exchange, what, status);
  report(ticket.exchange, "late",
         tables.exchange->header_add(ticket.exchange, POSTERN_REQUEST, str("x-late"), str("1")));
  tables.exchange->resume(ticket, POSTERN_CONTINUE);
  tables.exchange->resume(ticket, POSTERN_ABORT);
}

postern_verdict pause(postern_exchange x, const Instance& self, void* slot, bool inside) {
  auto& waiting = *static_cast<Waiting*>(slot);
  report(x, "pause", tables.exchange->pause(x, &waiting.ticket));
  if (inside) {
    report(x, "resume", tables.exchange->resume(waiting.ticket, POSTERN_CONTINUE));
    report(x, "again", tables.exchange->resume(waiting.ticket, POSTERN_ABORT));
  } else {
    tables.timer->start(self.instance, 1, 0, resume_twice, &waiting);
  }
  return POSTERN_SUSPEND;
}

// The exchange waits for another instance meanwhile.
void answer_for_another(void* user) {
  postern_exchange x = static_cast<Waiting*>(user)->ticket.exchange;
  const auto* t = tables.exchange;
  postern_value value{};
  meddled = {{"respond", t->respond(x, 200, str("text/plain"), str("not mine"))},
             {"respond_error", t->respond_error(x, 500, str("NOT_MINE"), str("not mine"), 0)},
             {"header_set", t->header_set(x, POSTERN_REQUEST, str("x-not"), str("mine"))},
             {"header_remove", t->header_remove(x, POSTERN_REQUEST, str("x-do"))},
             {"variable_set", t->variable_set(x, t->variable_id(str("probe.not-mine")), &value)},
             {"allocate", t->allocate(x, 8) == nullptr ? POSTERN_E_STATE : POSTERN_OK}};
}

// The first instance answers from a timer while the second suspends.
postern_verdict meddle(postern_exchange x, const Instance& self, void* slot) {
  postern_value value{};
  auto first = tables.exchange->variable_id(str("probe.first"));
  if (tables.exchange->variable_get(x, first, &value) == POSTERN_OK) return pause(x, self, slot, false);
  value.type = POSTERN_VALUE_BOOL;
  tables.exchange->variable_set(x, first, &value);
  static_cast<Waiting*>(slot)->ticket.exchange = x;
  tables.timer->start(self.instance, 1, 0, answer_for_another, slot);
  return POSTERN_CONTINUE;
}

// Starts itself again until the gateway starts no more timers of this instance.
void spin(void* user) { tables.timer->start(static_cast<Instance*>(user)->instance, 0, 0, spin, user); }

postern_verdict on_request(void* data, void* slot, postern_exchange x) {
  const auto& self = *static_cast<Instance*>(data);
  postern_str wanted{};
  if (tables.exchange->header_get(x, POSTERN_REQUEST, str("x-do"), &wanted) != POSTERN_OK) return POSTERN_CONTINUE;
  std::string what(wanted.ptr, wanted.len);
  if (what == "headers") set_headers(x);
  if (what == "variables") set_variables(x, self);
  if (what == "out-of-place") out_of_place(x);
  if (what == "list") list(x);
  if (what == "watch") watch(x);
  if (what == "remember") remember(x, self);
  if (what == "spin") spin(data);
  if (std::int64_t lost = 0; what == "keep") memory_of(x, self, lost);
  if (what == "pause-inside" || what == "pause") return pause(x, self, slot, what == "pause-inside");
  if (what == "meddle") return meddle(x, self, slot);
  if (what == "respond") {
    tables.exchange->respond_error(x, 429, str("RATE_LIMITED"), str("say \"please\""), 7);
    return POSTERN_RESPOND;
  }
  return POSTERN_CONTINUE;
}

postern_status on_configure(void*, postern_instance instance, postern_node, void** data) {
  auto* self = new Instance{instance, nullptr};
  *data = self;
  tables.instance->declare_provides(instance, str("probe.name"), POSTERN_HOOK_REQUEST);
  postern_str error{};
  self->greeting = tables.text->compile(instance, str("hello ${probe.name} at ${request.path}"), 0, &error);
  return self->greeting != nullptr ? POSTERN_OK : POSTERN_E_INVALID;
}

void on_destroy(void* data) { delete static_cast<Instance*>(data); }

constexpr char kSchema[] = R"({"type": "object", "additionalProperties": false})";

const postern_plugin* query(const postern_host* host) {
  auto get = [host](const char* name) { return host->get_interface(host, str(name), 1); };
  tables.exchange = static_cast<const postern_exchange_table*>(get("exchange"));
  tables.connection = static_cast<const postern_connection_table*>(get("connection"));
  tables.timer = static_cast<const postern_timer_table*>(get("timer"));
  tables.text = static_cast<const postern_template_table*>(get("template"));
  tables.instance = static_cast<const postern_instance_table*>(get("instance"));
  static postern_plugin plugin{};
  plugin.struct_size = sizeof plugin;
  plugin.version = 1;
  plugin.name = str("probe");
  plugin.plugin_version = str("1.0.0");
  plugin.schema = str(kSchema);
  plugin.slot_size = sizeof(Waiting);
  plugin.on_configure = on_configure;
  plugin.on_destroy = on_destroy;
  plugin.on_request = on_request;
  return &plugin;
}

__attribute__((section(POSTERN_NOTE_SECTION), used, aligned(4))) POSTERN_DETAIL_PLAIN constexpr auto probe_note =
    postern::detail::make_note("probe", "1.0.0", "exchange>=1 connection>=1 timer>=1 template>=1", "",
                               POSTERN_HOOK_REQUEST);

}  // namespace

extern "C" POSTERN_EXPORT const postern_plugin* postern_plugin_query(const postern_host* host) { return query(host); }
