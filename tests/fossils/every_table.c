/* A plugin that has every hook and calls something of every table, in plain C: what its binaries in this folder do today they do
 * on every gateway of this major version. A response tells in x-fossil which hooks had run by then, and in x-fossil-refused which tables
 * did not do what they should; the log has the line "complete" at the end of an exchange. NAME is defined by make. */
#include <postern/abi.h>
#include <stdio.h>
#include <string.h>

#define LITERAL(text) ((postern_str){"" text, sizeof(text) - 1})

static const postern_config_table* config;
static const postern_instance_table* instances;
static const postern_exchange_table* exchanges;
static const postern_body_table* bodies;
static const postern_log_table* logs;
static const postern_metrics_table* metrics;
static const postern_timer_table* timers;
static const postern_dict_table* dicts;
static const postern_call_table* calls;
static const postern_upstream_table* upstreams;
static const postern_services_table* services;
static const postern_work_table* works;
static const postern_loop_table* loops;
static const postern_template_table* templates;
static const postern_expression_table* expressions;
static const postern_control_table* controls;
static const postern_connection_table* connections;

static struct {
  postern_instance instance;
  postern_str tag;
  postern_template text;
  postern_expression is_post;
  uint64_t count; /* a metric's series */
} self;

static struct { uint32_t struct_size, version; } service = {8, 1};

typedef struct {
  uint32_t hooks;
  char refused[128];
} state;

static void refused(state* s, const char* table) {
  if (strlen(s->refused) + strlen(table) + 2 < sizeof s->refused) strcat(strcat(s->refused, table), " ");
}
static void seen(void* slot, uint64_t hook) { ((state*)slot)->hooks |= (uint32_t)hook; }
static void nothing(void* user) { (void)user; }
static void job_ended(void* user, postern_status status) { (void)user, (void)status; }
static void nobody_answers(void* user, const postern_call_response* response) { (void)user, (void)response; }

static postern_status on_configure(void* context, postern_instance instance, postern_node node, void** data) {
  (void)context;
  postern_str why;
  self.instance = instance;
  *data = &self;
  self.tag = config->as_string_view(config->get(node, LITERAL("tag")));
  instances->declare_provides(instance, LITERAL("fossil.seen"), POSTERN_HOOK_REQUEST);
  instances->declare_offers(instance, LITERAL("fossil/" NAME), 1);
  const postern_body_policy stream = {sizeof stream, POSTERN_BODY_STREAM, POSTERN_OVERFLOW_REJECT, 1, 0};
  if (instances->declare_body(instance, POSTERN_REQUEST, &stream) != POSTERN_OK ||
      instances->declare_body(instance, POSTERN_RESPONSE, &stream) != POSTERN_OK)
    return POSTERN_E_FAILED;
  self.text = templates->compile(instance, LITERAL("${request.method}"), POSTERN_HOOK_REQUEST, &why);
  self.is_post = expressions->compile(instance, LITERAL("request.method == \"POST\""), POSTERN_HOOK_REQUEST, &why);
  const postern_metric metric = {.struct_size = sizeof metric,
                                 .type = POSTERN_METRIC_COUNTER,
                                 .name = LITERAL("fossil_exchanges_total"),
                                 .help = LITERAL("Exchanges that a fossil has seen.")};
  self.count = metrics->series(metrics->family(instance, &metric), NULL, 0);
  return self.text != NULL && self.is_post != NULL && self.count != 0 ? POSTERN_OK : POSTERN_E_FAILED;
}

static postern_status on_worker_start(void* data, uint32_t worker) {
  (void)data;
  if (worker != 0) return POSTERN_OK;
  return services->publish(self.instance, LITERAL("fossil/" NAME), &service);
}

static postern_status on_worker_stop(void* data, uint32_t worker) {
  (void)data, (void)worker;
  return POSTERN_OK;
}

static postern_verdict on_connection(void* data, postern_connection c) {
  (void)data;
  postern_connection_info info = {.struct_size = sizeof info};
  return connections->info(c, &info) == POSTERN_OK && info.peer_address_view.len > 0 ? POSTERN_CONTINUE : POSTERN_ABORT;
}

static postern_verdict on_request_early(void* data, void* slot, postern_exchange x) {
  (void)data, (void)x;
  seen(slot, POSTERN_HOOK_REQUEST_EARLY);
  return POSTERN_CONTINUE;
}

static void use_the_worker(state* s) {
  if (timers->cancel(timers->start(self.instance, 60000, 0, nothing, NULL)) != POSTERN_OK) refused(s, "timer");
  const uint32_t lane = works->lane(self.instance, LITERAL("fossil"), 1, 100);
  if (lane == 0 || works->submit(self.instance, lane, nothing, job_ended, NULL) == 0) refused(s, "work");
  /* Worker 0 always exists. */
  if (loops->post(self.instance, 0, nothing, NULL) != POSTERN_OK) refused(s, "loop");
  const postern_call_request request = {.struct_size = sizeof request, .upstream = LITERAL("nobody")};
  if (calls->start(self.instance, &request, nobody_answers, NULL) != 0) refused(s, "call");
  const void* found = services->acquire(self.instance, LITERAL("fossil/" NAME), 1);
  if (found != &service) refused(s, "services");
  services->release(self.instance, found);
}

static void use_the_process(state* s) {
  char value[8];
  uint64_t size = sizeof value;
  const postern_dict dict = dicts->open(self.instance, LITERAL("fossil"), 65536);
  if (dicts->set(dict, LITERAL("key"), LITERAL("value"), 0) != POSTERN_OK ||
      dicts->get(dict, LITERAL("key"), value, &size) != POSTERN_OK || size != 5)
    refused(s, "dict");
  if (controls->generation(self.instance) == 0) refused(s, "control");
  if (instances->name_view(self.instance).len == 0) refused(s, "instance");
  metrics->add(self.count, 1);
}

static void use_the_exchange(state* s, postern_exchange x) {
  postern_str method;
  if (templates->expand(x, self.text, &method) != POSTERN_OK || method.len != 4) refused(s, "template");
  if (expressions->holds(x, self.is_post) != 1) refused(s, "expression");
  const postern_value yes = {.type = POSTERN_VALUE_BOOL, .integer = 1};
  if (exchanges->variable_set(x, exchanges->variable_id(LITERAL("fossil.seen")), &yes) != POSTERN_OK)
    refused(s, "exchange");
}

static postern_verdict on_request(void* data, void* slot, postern_exchange x) {
  (void)data;
  seen(slot, POSTERN_HOOK_REQUEST);
  use_the_worker(slot);
  use_the_process(slot);
  use_the_exchange(slot, x);
  postern_ticket ticket;
  if (exchanges->pause(x, &ticket) != POSTERN_OK || exchanges->resume(ticket, POSTERN_CONTINUE) != POSTERN_OK)
    return POSTERN_ERROR;
  return POSTERN_SUSPEND;
}

static postern_verdict on_request_body(void* data, void* slot, postern_exchange x, postern_str bytes, uint32_t flags) {
  (void)data, (void)flags;
  seen(slot, POSTERN_HOOK_REQUEST_BODY);
  if (bodies->replace(x, POSTERN_REQUEST, bytes) != POSTERN_OK) refused(slot, "body");
  return POSTERN_CONTINUE;
}

static postern_verdict on_upstream_select(void* data, void* slot, postern_exchange x) {
  (void)data;
  seen(slot, POSTERN_HOOK_UPSTREAM_SELECT);
  if (upstreams->endpoint_count(x) == 0) refused(slot, "upstream");
  return POSTERN_CONTINUE;
}

static postern_verdict on_upstream_request(void* data, void* slot, postern_exchange x) {
  (void)data;
  seen(slot, POSTERN_HOOK_UPSTREAM_REQUEST);
  exchanges->header_set(x, POSTERN_REQUEST, LITERAL("x-fossil"), self.tag);
  return POSTERN_CONTINUE;
}

static void on_upstream_result(void* data, void* slot, postern_exchange x, const postern_upstream_result* result) {
  (void)data, (void)x;
  if (result->outcome == POSTERN_OUTCOME_RESPONSE) seen(slot, POSTERN_HOOK_UPSTREAM_RESULT);
}

static postern_verdict on_response(void* data, void* slot, postern_exchange x) {
  (void)data;
  state* s = slot;
  char hooks[16];
  seen(slot, POSTERN_HOOK_RESPONSE);
  const int length = snprintf(hooks, sizeof hooks, "%x", s->hooks);
  exchanges->header_set(x, POSTERN_RESPONSE, LITERAL("x-fossil"), (postern_str){hooks, (uint64_t)length});
  exchanges->header_set(x, POSTERN_RESPONSE, LITERAL("x-fossil-refused"),
                        (postern_str){s->refused, strlen(s->refused)});
  return POSTERN_CONTINUE;
}

static postern_verdict on_response_body(void* data, void* slot, postern_exchange x, postern_str bytes, uint32_t flags) {
  (void)data;
  seen(slot, POSTERN_HOOK_RESPONSE_BODY);
  if ((flags & POSTERN_BODY_END) != 0 && bytes.len == 0) return POSTERN_CONTINUE;
  return bodies->replace(x, POSTERN_RESPONSE, bytes) == POSTERN_OK ? POSTERN_CONTINUE : POSTERN_ERROR;
}

static void on_complete(void* data, void* slot, postern_exchange x, const postern_completion* completion) {
  (void)data, (void)x;
  const int whole = completion->end == POSTERN_END_OK && (((state*)slot)->hooks & POSTERN_HOOK_RESPONSE_BODY) != 0;
  logs->write(self.instance, POSTERN_LOG_INFO, whole ? LITERAL("complete") : LITERAL("broken off"), NULL, 0);
}

static int resolve(const postern_host* host) {
#define TABLE(variable, name) (variable = host->get_interface(host, LITERAL(name), 1)) != NULL
  return TABLE(config, "config") && TABLE(instances, "instance") && TABLE(exchanges, "exchange") &&
         TABLE(bodies, "body") && TABLE(logs, "log") && TABLE(metrics, "metrics") && TABLE(timers, "timer") &&
         TABLE(dicts, "dict") && TABLE(calls, "call") && TABLE(upstreams, "upstream") && TABLE(services, "services") &&
         TABLE(works, "work") && TABLE(loops, "loop") && TABLE(templates, "template") &&
         TABLE(expressions, "expression") && TABLE(controls, "control") && TABLE(connections, "connection");
#undef TABLE
}

static const char schema[] =
    "{\"type\": \"object\", \"properties\": {\"tag\": {\"type\": \"string\"}}, \"additionalProperties\": false}";

POSTERN_EXPORT const postern_plugin* postern_plugin_query(const postern_host* host);
POSTERN_EXPORT const postern_plugin* postern_plugin_query(const postern_host* host) {
  static const postern_plugin table = {
      .struct_size = sizeof table,
      .version = POSTERN_ABI_MINOR,
      .name = {NAME, sizeof NAME - 1},
      .plugin_version = {"1.0.0", 5},
      .schema = {schema, sizeof schema - 1},
      .slot_size = sizeof(state),
      .on_configure = on_configure,
      .on_worker_start = on_worker_start,
      .on_worker_stop = on_worker_stop,
      .on_connection = on_connection,
      .on_request_early = on_request_early,
      .on_request = on_request,
      .on_request_body = on_request_body,
      .on_upstream_select = on_upstream_select,
      .on_upstream_request = on_upstream_request,
      .on_upstream_result = on_upstream_result,
      .on_response = on_response,
      .on_response_body = on_response_body,
      .on_complete = on_complete,
  };
  return resolve(host) ? &table : NULL;
}

__attribute__((section(POSTERN_NOTE_SECTION), used, aligned(4))) static const struct {
  uint32_t owner_size, note_size, type;
  char owner[sizeof POSTERN_NOTE_OWNER];
  postern_note note __attribute__((packed, aligned(4)));
} note = {
    sizeof POSTERN_NOTE_OWNER,
    sizeof(postern_note),
    POSTERN_NOTE_TYPE,
    POSTERN_NOTE_OWNER,
    {.magic = POSTERN_NOTE_MAGIC,
     .note_version = POSTERN_NOTE_VERSION,
     .abi_major = POSTERN_ABI_MAJOR,
     .abi_minor_min = POSTERN_ABI_MINOR,
     .hooks = (1ull << POSTERN_HOOK_COUNT) - 1,
     .name = NAME,
     .version = "1.0.0",
     .interfaces = "config>=1 instance>=1 exchange>=1 body>=1 log>=1 metrics>=1 timer>=1 dict>=1 call>=1 upstream>=1 "
                   "services>=1 work>=1 loop>=1 template>=1 expression>=1 control>=1 connection>=1"},
};
