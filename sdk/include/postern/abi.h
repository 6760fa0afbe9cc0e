/* The Postern plugin ABI, major version 1: everything a plugin and the gateway know of each other.
 *
 * Plain C11. Only fixed-width integers, pointers and {ptr,len} strings cross this border: no enums, no bools, no STL, no
 * exceptions, no varargs. Plugin authors who write C++ use `plugin.h`, which is built on this file alone.
 *
 * Rules that hold everywhere
 *  - Tables only grow at the end. A function exists when it lies inside `struct_size` and is not null (POSTERN_HAS).
 *  - `_view` strings are the gateway's memory and stay valid until the hook (or callback) that received them returns.
 *    Strings passed in are copied by the gateway before the call returns. Nothing has to be freed by hand unless its
 *    name ends in `_own`.
 *  - Exchanges, connections, timers, calls, tasks and dicts are 64-bit handles with a generation count. A handle whose
 *    object has ended gets POSTERN_E_GONE, never freed memory. 0 is never a valid handle.
 *  - Functions are called on the worker thread that runs the hook, unless marked [any thread].
 *  - `version` of a table, the host's and the plugin's too, is the minor version of the ABI in which its last function came.
 *  - Lists of numbers and of flags are open: later versions add to POSTERN_OUTCOME_*, POSTERN_END_*, POSTERN_ORIGIN_*,
 *    POSTERN_VALUE_*, POSTERN_NODE_*, to the errors and to the flags of body hooks. A plugin takes an outcome that it does not know
 *    for an attempt without a response, an end for one that was not OK, an origin for LOCAL, a value or node for NONE or NULL, an
 *    error for POSTERN_E_FAILED, and passes over a flag. The gateway answers POSTERN_E_INVALID to
 *    what it does not know; in a log line it is NONE.
 *  - postern_str, postern_ticket, postern_value, postern_header and postern_log_field, which pass by value or in arrays, are
 *    fixed for ever. Every other struct that a call takes or gives begins with struct_size, which the plugin sets, or has a stride in a list.
 *  - Whatever the gateway calls is fenced: what it throws ends that hook by `on_error`, or that callback, and is logged with the
 *    instance's name. What cannot be fenced ends the process, and the crash handler names the plugin: a throw on a thread of the plugin's
 *    own, in a destructor while another unwinds, or in a callback of its own libuv handle outside of loop->run.
 *  - Times are milliseconds unless the name ends in `_ns`; sizes are bytes.
 *  - Released entities never change their meaning. The ABI version is not the product's version.
 */
#ifndef POSTERN_ABI_H
#define POSTERN_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define POSTERN_ABI_MAJOR 1u
#define POSTERN_ABI_MINOR 1u

#if defined(__GNUC__)
#define POSTERN_EXPORT __attribute__((visibility("default")))
#else
#define POSTERN_EXPORT
#endif

/* True when the function or field `member` exists in `table`, which may come from an older or newer counterpart. */
#define POSTERN_HAS_FIELD(table, type, member) \
  ((table) != NULL && (table)->struct_size >= offsetof(type, member) + sizeof((table)->member))
#define POSTERN_HAS(table, type, member) (POSTERN_HAS_FIELD(table, type, member) && (table)->member != NULL)

/* ---- Basic types -------------------------------------------------------------------------------------------------- */

typedef struct postern_str {
  const char* ptr; /* may be null when len is 0; not zero-terminated */
  uint64_t len;
} postern_str;

typedef uint64_t postern_exchange;   /* one request and its response */
typedef uint64_t postern_connection; /* one accepted client connection */
typedef uint64_t postern_timer;
typedef uint64_t postern_call; /* one HTTP request made by a plugin */
typedef uint64_t postern_task; /* one job in the thread pool */
typedef uint64_t postern_dict; /* one shared dictionary; lives as long as the process */

typedef struct postern_instance_s* postern_instance;       /* one plugin with one configuration; the gateway's */
typedef const struct postern_node_s* postern_node;         /* a place in an instance's configuration; read-only */
typedef const struct postern_template_s* postern_template; /* a compiled "${...}" template; lives with its instance */
typedef const struct postern_expression_s* postern_expression; /* a compiled condition; lives with its instance */

/* A pause of one exchange; see `postern_exchange_table.pause`. */
typedef struct postern_ticket {
  postern_exchange exchange;
  uint64_t pause;
} postern_ticket;

/* Results of functions. Negative values are errors. */
typedef int32_t postern_status;
#define POSTERN_OK 0
#define POSTERN_PENDING 1      /* on_configure, on_worker_start, on_worker_stop: will report through instance->ready */
#define POSTERN_E_GONE (-1)    /* the handle's object has ended */
#define POSTERN_E_INVALID (-2) /* an argument is malformed or out of its bounds */
#define POSTERN_E_STATE (-3)   /* not allowed in this hook or on this thread */
#define POSTERN_E_NOT_FOUND (-4) /* no such header, variable, key, upstream */
#define POSTERN_E_LIMIT (-5)     /* a limit was reached: memory, entries, outstanding calls */
#define POSTERN_E_EXISTS (-6)    /* add or publish: the name is taken */
#define POSTERN_E_CONFLICT (-7)  /* compare_and_set: the value was another */
#define POSTERN_E_TYPE (-8)      /* the value has another type */
#define POSTERN_E_CONNECT (-9)   /* call: no connection to the upstream could be made */
#define POSTERN_E_TIMEOUT (-10)  /* call: no full answer in time */
#define POSTERN_E_PROTOCOL (-11) /* call: the upstream's answer was not valid HTTP, or it broke off */
#define POSTERN_E_FAILED (-12)   /* anything else; a log line says more */

/* What a hook answers. The same in every hook that has a verdict. A hook that called respond() has answered, whatever it returns and
 * whether or not it throws afterwards, also where `on_error` is fail_open; ABORT alone wins over its answer. */
typedef int32_t postern_verdict;
#define POSTERN_CONTINUE 0 /* go on with the next instance */
#define POSTERN_SUSPEND 1  /* wait for resume() of the ticket taken in this hook; without a ticket: an ERROR */
#define POSTERN_RESPOND 2  /* a local response has been set with respond(); no further request hooks run */
#define POSTERN_ABORT 3    /* reset the client connection (or stream) without a response */
#define POSTERN_ERROR 4    /* the plugin failed: apply `_: {on_error}` (500, or continue when fail_open) */

/* Which message a header function speaks of. */
#define POSTERN_REQUEST 0u           /* request head: client's on the way in, upstream's from on_upstream_request on */
#define POSTERN_RESPONSE 1u          /* response head */
#define POSTERN_REQUEST_TRAILERS 2u  /* complete once the request body has ended */
#define POSTERN_RESPONSE_TRAILERS 3u /* complete once the response body has ended */

/* Request head fields for request_get / request_set. */
#define POSTERN_FIELD_METHOD 0u    /* "GET" */
#define POSTERN_FIELD_TARGET 1u    /* origin-form as received, before normalisation; read-only */
#define POSTERN_FIELD_PATH 2u      /* normalised path, no query; setting it before routing changes the route taken */
#define POSTERN_FIELD_QUERY 3u     /* bytes after '?', without it; empty when there is none */
#define POSTERN_FIELD_AUTHORITY 4u /* Host or :authority, lower case, port kept */
#define POSTERN_FIELD_SCHEME 5u    /* "http" or "https"; read-only */
#define POSTERN_FIELD_PROTOCOL 6u  /* "HTTP/1.0", "HTTP/1.1", "HTTP/2"; read-only */

/* Log levels. */
#define POSTERN_LOG_TRACE 0u
#define POSTERN_LOG_DEBUG 1u
#define POSTERN_LOG_INFO 2u
#define POSTERN_LOG_WARN 3u
#define POSTERN_LOG_ERROR 4u

/* A typed value: variables, log fields. */
#define POSTERN_VALUE_NONE 0u /* and what a type counts as that its reader does not know */
#define POSTERN_VALUE_STRING 1u
#define POSTERN_VALUE_INT 2u
#define POSTERN_VALUE_DOUBLE 3u
#define POSTERN_VALUE_BOOL 4u
typedef struct postern_value {
  uint32_t type; /* POSTERN_VALUE_*; says which member counts */
  uint32_t reserved;
  int64_t integer; /* INT; BOOL as 0 or 1 */
  double number;   /* DOUBLE */
  postern_str string;
} postern_value;

typedef struct postern_header {
  postern_str name;
  postern_str value;
} postern_header;

typedef struct postern_log_field {
  postern_str key;
  postern_value value;
} postern_log_field;

/* ---- Host tables -------------------------------------------------------------------------------------------------- */
/* Each is resolved once, at load: host->get_interface(host, name, min_version). Its name stands above it.             */

/* Which threads may call what. "Control" is the thread that calls on_load, on_configure, on_destroy and on_unload; a handle's worker
 * is the one that runs its exchange, connection, timer, call or task, and elsewhere the handle is POSTERN_E_GONE or _STATE.
 *
 *   config, log, metrics, dict, get_interface   any thread
 *   instance      declare_*, config_error, disable_hooks: control, in on_configure; all else any thread
 *   exchange      the exchange's worker; variable_id, resume: any thread; next: a worker
 *   body          the exchange's worker, in hooks
 *   timer         start: a worker; cancel: the timer's; now_ms, unix_ms: any thread
 *   call, work    start, submit: a worker; cancel: the call's or task's
 *   upstream      a worker, the exchange's where it takes one; any thread where so marked
 *   services      publish, acquire, release: any thread
 *   loop          uv_loop, worker, worker_count, post, fail: any thread; run: a worker
 *   template, expression   compile: control, in on_configure; expand, holds: the exchange's worker; all else any thread
 *   control       what its comments say
 *   connection    the connection's worker; next: a worker; resume: any thread
 *
 * Worker 0 always exists, in every generation and for the whole life of the process: what has to be done once is its work. */

/* "config": reads an instance's configuration: validated against the schema, defaults filled in, durations already
 * milliseconds and sizes already bytes. Nodes live until on_destroy of their instance returns. */
#define POSTERN_NODE_NULL 0u
#define POSTERN_NODE_BOOL 1u
#define POSTERN_NODE_INT 2u
#define POSTERN_NODE_DOUBLE 3u
#define POSTERN_NODE_STRING 4u
#define POSTERN_NODE_LIST 5u
#define POSTERN_NODE_MAP 6u
typedef struct postern_config_table {
  uint32_t struct_size, version;
  uint32_t (*kind)(postern_node node);                          /* POSTERN_NODE_*; NULL for a null pointer */
  uint64_t (*size)(postern_node node);                          /* entries of a list or map, else 0 */
  postern_node (*get)(postern_node map, postern_str key);       /* null when absent or not a map */
  postern_node (*at)(postern_node list_or_map, uint64_t index); /* the value; null when out of range */
  postern_str (*key_at)(postern_node map, uint64_t index);      /* in written order */
  postern_str (*as_string_view)(postern_node node);             /* empty when it is not a string */
  int64_t (*as_int)(postern_node node);                         /* INT, BOOL; DOUBLE truncated; else 0 */
  double (*as_double)(postern_node node);                       /* INT, DOUBLE; else 0 */
  int32_t (*as_bool)(postern_node node);                        /* 0 or 1 */
  /* "file:line:column" of the value as the operator wrote it, for messages. */
  postern_str (*position_view)(postern_node node);
} postern_config_table;

/* How an instance wants to see a body. Declared in on_configure; NONE is the default and costs nothing. */
#define POSTERN_BODY_NONE 0u   /* bytes pass by untouched */
#define POSTERN_BODY_STREAM 1u /* the hook sees each chunk as it passes; suspending stops reading from the source */
#define POSTERN_BODY_BUFFER 2u /* the hook sees the whole body once; the head is held meanwhile and may still change */
#define POSTERN_OVERFLOW_REJECT 0u /* BUFFER: request 413, response 502 */
#define POSTERN_OVERFLOW_STREAM \
  1u /* BUFFER: the body passes by; the hook is called once with POSTERN_BODY_OVERFLOWED, no bytes */
#define POSTERN_OVERFLOW_PEEK \
  2u /* BUFFER: the hook is called once with the first `limit` bytes and POSTERN_BODY_OVERFLOWED */
typedef struct postern_body_policy {
  uint32_t struct_size; /* what lies beyond the gateway's own must be 0, or declare_body answers POSTERN_E_INVALID */
  uint32_t policy;      /* POSTERN_BODY_* */
  uint32_t on_overflow; /* POSTERN_OVERFLOW_* */
  uint32_t modifies;    /* 1: the hook may call body->replace, so the gateway must choose the framing accordingly */
  uint64_t limit;       /* BUFFER: bytes, 1 .. 1 GiB */
} postern_body_policy;

/* "instance": what an instance says of itself. declare_* and disable_hooks are allowed only inside on_configure. A declaration that is
 * wrong is an error of the configuration, as if config_error had been called: the instance is refused, whatever on_configure
 * answers. So is an instance with a body hook for which it has neither declared a policy (NONE is one) nor disabled the hook. */
typedef struct postern_instance_table {
  uint32_t struct_size, version;
  postern_str (*name_view)(postern_instance instance); /* the name from the chain: `_: {name}` or the plugin's name */
  /* "routes/users", "gateway" or "services": where in the configuration this instance stands. */
  postern_str (*scope_view)(postern_instance instance);
  /* Reports a configuration error at `node` (null: the instance itself). on_configure then returns POSTERN_E_INVALID. */
  void (*config_error)(postern_instance instance, postern_node node, postern_str text);
  /* The flow of variables. A name may end in ".*": all that begin so ("jwt.claims.*"). `hook` is the POSTERN_HOOK_* bit of a hook
   * of exchanges; 0: the first that the instance has. The instance sets the variable in that hook; it needs it there (the chain is
   * refused, with the reason, unless another instance of it has provided it by then, whenever this one runs and not in shadow
   * mode); it reads it there where it is set (refused when nobody in the whole configuration provides it, or those who do in this
   * chain cannot have done so by then). Built-in variables need no provider. What templates, expressions and `_: {when}` name
   * counts as read. */
  void (*declare_provides)(postern_instance instance, postern_str variable, uint64_t hook);
  void (*declare_consumes)(postern_instance instance, postern_str variable, uint64_t hook, postern_str reason);
  void (*declare_reads)(postern_instance instance, postern_str variable, uint64_t hook);
  void (*declare_before)(postern_instance instance, postern_str plugin, postern_str reason);
  void (*declare_after)(postern_instance instance, postern_str plugin, postern_str reason);
  /* Services ("services"). What the instance will publish, and what it cannot work without: the configuration is refused, with the
   * reason, unless an instance that starts before it offers that service with at least that version. */
  void (*declare_offers)(postern_instance instance, postern_str service, uint32_t version);
  void (*declare_needs)(postern_instance instance, postern_str service, uint32_t min_version, postern_str reason);
  /* Which requests it refuses, whatever else they are: POSTERN_REFUSES_* bits. `how` completes "it": "wants an API key". `postern
   * check` and `postern diff` tell by it who gets in. */
  void (*declare_refuses)(postern_instance instance, uint32_t what, postern_str how);
  postern_status (*declare_body)(postern_instance instance, uint32_t message, const postern_body_policy* policy);
  /* Bits (POSTERN_HOOK_*) of the hooks this configuration has no use for: they are left out of the chain. */
  void (*disable_hooks)(postern_instance instance, uint64_t hooks);
  /* [any thread] ends POSTERN_PENDING: of on_configure (`worker` does not matter), or of the on_worker_start or
   * on_worker_stop that waits on that worker. Late or repeated calls do nothing. */
  void (*ready)(postern_instance instance, uint32_t worker, postern_status status, postern_str error_text);
  /* Keeps a trail of every exchange whose chain the instance stands in: POSTERN_TRAIL_*. Every hook of such chains is timed. */
  void (*declare_trail)(postern_instance instance, uint32_t what);
  /* [any thread] 1: `_: {mode: shadow}`. Its hooks run and change nothing, so what it counts and logs as done was not done. The gateway marks
   * its log lines with mode="shadow". */
  int32_t (*is_shadow)(postern_instance instance);
  /* Where in the configuration the values of the next declarations stand: what is wrong with one of them is reported there.
   * Null, as in the beginning: at the instance itself. */
  void (*declare_at)(postern_instance instance, postern_node node);
} postern_instance_table;
#define POSTERN_REFUSES_ANONYMOUS 1u     /* every request of which it does not know who sends it */
#define POSTERN_REFUSES_SOME 2u          /* requests that break a rule: limits, filters */
#define POSTERN_EVERY_WORKER 0xffffffffu /* ready: every one that waits */

/* "exchange": the request, the response, variables, and the course of the exchange. What changes an exchange answers POSTERN_E_STATE
 * (allocate: null) unless the instance whose code runs has its hook running there, or suspended: neither a service nor a timer of
 * somebody else can touch a request. Reading is open to all. */
typedef struct postern_exchange_info {
  uint32_t struct_size;
  uint32_t worker;              /* index of the worker that owns the exchange */
  uint64_t generation;          /* the configuration generation it began in */
  uint64_t started_unix_ms;     /* wall clock when the head was complete */
  uint64_t elapsed_ns;          /* since the head was complete */
  uint64_t request_body_bytes;  /* received so far */
  uint64_t response_body_bytes; /* handed to the client so far */
  uint32_t attempts;            /* upstream attempts begun */
  uint32_t origin;              /* POSTERN_ORIGIN_* of the current response */
  /* 1: no body follows that head, so that its body hooks will not run. Of the request: 0 again once give() was called. */
  uint32_t request_bodiless, response_bodiless;
  postern_connection connection; /* its client's, which exchanges of HTTP/2 share; 0 once it has closed */
} postern_exchange_info;
#define POSTERN_ORIGIN_NONE 0u /* no response yet */
#define POSTERN_ORIGIN_UPSTREAM 1u
#define POSTERN_ORIGIN_LOCAL 2u /* made by the gateway or by a plugin's respond() */
#define POSTERN_ORIGIN_CACHE 3u /* a local response whose plugin called set_origin */

/* One step of an exchange's trail: a hook that ran, or an attempt. A body hook is one step, however many pieces it was given. At
 * most 256 are kept for an exchange. */
#define POSTERN_TRAIL_HOOKS 1u    /* declare_trail: the hooks of all instances of the chain */
#define POSTERN_TRAIL_ATTEMPTS 2u /* declare_trail: the attempts to reach an upstream */
#define POSTERN_STEP_ATTEMPT 0xffffffffu
typedef struct postern_step {
  uint32_t hook; /* number of the POSTERN_HOOK_* bit; POSTERN_STEP_ATTEMPT */
  int32_t
      verdict; /* what came of it: on_error, shadow mode and an answer are taken into account; of an attempt its outcome */
  int32_t wanted; /* what the plugin answered, POSTERN_ERROR when it threw; of an attempt its outcome */
  uint32_t
      status; /* of the answer that it gave, or would have given in shadow mode; of an attempt's response; 0: none */
  uint64_t begun_ns; /* since the head was complete */
  uint64_t
      ran_ns; /* in the instance's own code, its callbacks for this exchange included; of an attempt until its outcome */
  uint64_t suspended_ns;                  /* while its hook was suspended; 0 for an attempt */
  postern_str instance_view, plugin_view; /* of an attempt: the upstream's name and the endpoint */
} postern_step;

typedef struct postern_exchange_table {
  uint32_t struct_size, version;

  postern_status (*request_get)(postern_exchange x, uint32_t field, postern_str* value_view);
  postern_status (*request_set)(postern_exchange x, uint32_t field, postern_str value);

  /* First header of that name (case-insensitive). POSTERN_E_NOT_FOUND when there is none. */
  postern_status (*header_get)(postern_exchange x, uint32_t message, postern_str name, postern_str* value_view);
  uint64_t (*header_count)(postern_exchange x, uint32_t message);
  /* Up to `capacity` headers in order, from the one at `first` on; the answer is how many were written. */
  uint64_t (*header_list)(postern_exchange x, uint32_t message, uint64_t first, uint64_t capacity,
                          postern_header* headers_view);
  /* set replaces all of that name by one; add appends; remove takes all away (POSTERN_E_NOT_FOUND when none was there).
   * Names and values are checked against RFC 9110 section 5: POSTERN_E_INVALID. Framing and hop-by-hop fields
   * (Content-Length, Transfer-Encoding, Connection, Keep-Alive, TE, Trailer, Upgrade) are the gateway's: POSTERN_E_STATE.
   * But for one: TE set to "trailers" on the request asks an HTTP/2 upstream for trailers, as gRPC's servers demand.
   * POSTERN_E_LIMIT of set and add when limits.exchange_memory is used up; remove needs no memory.
   * A set that fails because of its value or for want of memory (POSTERN_E_INVALID, POSTERN_E_LIMIT) leaves the field absent: what
   * the client or the upstream said there never passes for what the plugin meant to say. Host alone stays as it was. */
  postern_status (*header_set)(postern_exchange x, uint32_t message, postern_str name, postern_str value);
  postern_status (*header_add)(postern_exchange x, uint32_t message, postern_str name, postern_str value);
  postern_status (*header_remove)(postern_exchange x, uint32_t message, postern_str name);

  postern_status (*status_get)(postern_exchange x, uint32_t* status); /* POSTERN_E_STATE before there is a response */
  postern_status (*status_set)(postern_exchange x, uint32_t status);  /* 200..599 */

  /* Sets a local response with this body; further headers go to POSTERN_RESPONSE afterwards. The hook then returns
   * POSTERN_RESPOND; one that suspends keeps its answer for the resume. A later answer replaces an earlier one. Allowed until the
   * response head has gone out, in hooks that have a verdict: else POSTERN_E_STATE. An answer that is none (POSTERN_E_INVALID: a
   * status outside 200..599, a content type that is no field value; POSTERN_E_LIMIT: no room for the body) refuses the
   * request with 500. content_type may be empty. In a response hook an answer of 400 and more keeps the code and message of the error
   * whose place it takes, for completion hooks, variables and gRPC; respond_error gives others, and set_origin(CACHE) or a status
   * below 400 none. */
  postern_status (*respond)(postern_exchange x, uint32_t status, postern_str content_type, postern_str body);
  /* The same with the gateway's error envelope; `code` is the upper-case error code. retry_after_s 0: none. */
  postern_status (*respond_error)(postern_exchange x, uint32_t status, postern_str code, postern_str message,
                                  uint32_t retry_after_s);
  postern_status (*set_origin)(postern_exchange x, uint32_t origin); /* LOCAL or CACHE, after respond() */

  /* [any thread] The number of a variable's name, for the calls below; the same for the whole life of the process.
   * 0 when the name is malformed: lower-case letters, digits, '.', '_', '-'; 128 bytes at most. */
  uint32_t (*variable_id)(postern_str name);
  postern_status (*variable_get)(postern_exchange x, uint32_t id, postern_value* value_view);
  /* Built-in variables (request.*, response.*, client.*, route.*, upstream.*, path.*, error.*, attempts and so on) are
   * read-only: POSTERN_E_STATE. */
  postern_status (*variable_set)(postern_exchange x, uint32_t id, const postern_value* value);

  /* Takes the ticket of the running hook, which must then return POSTERN_SUSPEND. Until the ticket is resumed, functions of
   * the exchange do on its worker what they would do inside that hook. */
  postern_status (*pause)(postern_exchange x, postern_ticket* ticket);
  /* [any thread] Goes on with `verdict` (any but SUSPEND) as if the hook had returned it: as soon as no plugin's code is on the stack
   * of its worker, or, called in another hook of the same exchange, behind that hook. Harmless inside the hook,
   * later, twice, and after the end: POSTERN_E_GONE when there was nothing left to resume. */
  postern_status (*resume)(postern_ticket ticket, postern_verdict verdict);

  postern_status (*info)(postern_exchange x, postern_exchange_info* info); /* caller sets info->struct_size */
  /* Zeroed memory of the exchange's arena, aligned to 16, gone after on_complete. Null for more than
   * 1 MiB at once, and when limits.exchange_memory is used up. */
  void* (*allocate)(postern_exchange x, uint64_t size);
  /* Inside on_upstream_result: try again after delay_ms. POSTERN_E_STATE when the request body is gone, the attempts
   * (5) are used up or the response head has gone out. */
  postern_status (*retry)(postern_exchange x, uint32_t delay_ms);
  /* Runs `done` as code of `instance` when the exchange ends, before on_complete; for async work that must die with it. What it
   * reads of the exchange is still there; nothing of it can be changed any more. It keeps the instance until it has run. Up to 64 for
   * each exchange: POSTERN_E_LIMIT. POSTERN_E_STATE when the exchange has ended or the instance has stopped on this worker. */
  postern_status (*on_end)(postern_exchange x, postern_instance instance, void (*done)(void* user), void* user);
  /* The exchanges that are open on the calling worker, one after another in no order that means anything, those of other
   * generations too: 0 asks for the first, and is the answer when there are no more. `after` may have ended meanwhile; one that
   * begins during the walk may be missed, none comes twice. What can be read of an exchange can be read of these. Walk some
   * thousands at a time at most, and the other workers with loop->post. 0 off a worker. */
  postern_exchange (*next)(postern_exchange after);
  /* variable_get for `count` variables in one call: values_view[i] is the value of ids[i], or of POSTERN_VALUE_NONE when that is
   * unset, unknown or could not be made. */
  postern_status (*variable_list)(postern_exchange x, const uint32_t* ids, uint64_t count, postern_value* values_view);
  /* Inside on_complete of an instance that has called declare_trail: up to `capacity` steps in the order in which they began, from
   * the one at `first` on; the answer is how many were written. `stride` is the caller's sizeof(postern_step): of each step so
   * much is written. 0 elsewhere. */
  uint64_t (*trail)(postern_exchange x, uint64_t first, uint64_t capacity, uint32_t stride, postern_step* steps_view);
  /* The pause of this ticket includes a wait of the plugin's own choosing (a sleep, its place in a queue): so much more than
   * `_: {timeout}` may pass before it counts as forgotten. Calls add up, to POSTERN_LONGEST_WAIT_MS for one pause at most:
   * POSTERN_E_LIMIT. On the exchange's worker. POSTERN_E_GONE: nothing waits with this ticket. */
  postern_status (*pause_for)(postern_ticket ticket, uint32_t wait_ms);
} postern_exchange_table;
#define POSTERN_LONGEST_WAIT_MS 600000u

/* "body": inside body hooks, and detach in any hook. `message` is POSTERN_REQUEST or POSTERN_RESPONSE. */
#define POSTERN_BODY_END 1u        /* flag: these are the last bytes (possibly none) */
#define POSTERN_BODY_WHOLE 2u      /* flag: BUFFER, and this is the whole body */
#define POSTERN_BODY_OVERFLOWED 4u /* flag: BUFFER, the limit was exceeded and on_overflow was STREAM or PEEK */
typedef struct postern_body_table {
  uint32_t struct_size, version;
  /* Replaces the bytes that the running body hook was given; the next instance sees these. POSTERN_E_STATE when the
   * policy was declared without `modifies`, or the bytes are a peek. */
  postern_status (*replace)(postern_exchange x, uint32_t message, postern_str bytes);
  /* From now on the running instance sees no more of that body. Before the head has gone out it also gives the
   * gateway its choice of framing back. */
  postern_status (*detach)(postern_exchange x, uint32_t message);
  /* Inside on_request_early and on_request: a body for a request that came without one. The instances behind the running one
   * see it as if the client had sent it, those before it and itself do not; it is framed for the upstream, and sent again with every
   * attempt. `message` is POSTERN_REQUEST. POSTERN_E_STATE when the request has a body (or was given one) or asks for a
   * tunnel (extended CONNECT), POSTERN_E_LIMIT when limits.exchange_memory has no room for it. */
  postern_status (*give)(postern_exchange x, uint32_t message, postern_str bytes);
  /* Before that body's hooks begin: the running instance, which declared BUFFER, sees this one as STREAM. The head no longer
   * waits for it. POSTERN_E_STATE when the body is on its way already, or the instance declared no policy. */
  postern_status (*stream)(postern_exchange x, uint32_t message);
} postern_body_table;

/* "log": structured; the module is "plugin.NAME". Lines of an exchange carry its `route` and `request_id` if they do not say them. */
typedef struct postern_log_table {
  uint32_t struct_size, version;
  int32_t (*enabled)(postern_instance instance, uint32_t level); /* [any thread] */
  void (*write)(postern_instance instance, uint32_t level, postern_str message, const postern_log_field* fields,
                uint64_t field_count); /* [any thread] */
} postern_log_table;

/* "metrics": one registry for the process. Families are named once; series are interned; cells are per worker and
 * lock-free. A family holds at most `max_series` series; beyond that everything goes to the series "other". */
typedef uint64_t postern_series;
typedef struct postern_metric {
  uint32_t struct_size;
  uint32_t type; /* POSTERN_METRIC_* */
  postern_str name, help;
  const postern_str* label_names;
  uint64_t label_count;
  const double* buckets; /* HISTOGRAM: ascending upper bounds, without +Inf */
  uint64_t bucket_count;
  uint64_t max_series; /* 0: 1000 */
} postern_metric;
#define POSTERN_METRIC_COUNTER 0u
#define POSTERN_METRIC_GAUGE 1u
#define POSTERN_METRIC_HISTOGRAM 2u
typedef struct postern_metrics_table {
  uint32_t struct_size, version;
  /* [any thread] The family's number; the same again when name, type and labels agree, 0 when they do not. */
  uint64_t (*family)(postern_instance instance, const postern_metric* metric);
  /* [any thread] Takes a lock: keep the result. Never 0 for a valid family. */
  postern_series (*series)(uint64_t family, const postern_str* label_values, uint64_t label_count);
  void (*add)(postern_series series, double amount);    /* [any thread] counter (>= 0), gauge */
  void (*set)(postern_series series, double value);     /* [any thread] gauge */
  void (*observe)(postern_series series, double value); /* [any thread] histogram */
  /* [any thread] Writes every family in the Prometheus text format, piece by piece. */
  void (*expose)(void (*write)(void* user, postern_str piece), void* user);
  /* [any thread] The series is no longer exposed and makes room for another in its family: its endpoint or tenant has gone. When
   * somebody asks for the same labels again, it comes back with what it had counted. POSTERN_E_NOT_FOUND: there is no such series.
   * POSTERN_E_STATE for the series "other". */
  postern_status (*series_remove)(postern_instance instance, postern_series series);
  /* Inside on_configure. Runs `collect` before each exposition, for values that are read and not counted: gauges that it sets then.
   * From the time when the configuration is complete until on_destroy, on whichever thread exposes, one collector at a time. It
   * must neither wait nor expose. POSTERN_E_STATE outside of on_configure. */
  postern_status (*collector)(postern_instance instance, void (*collect)(void* user), void* user);
} postern_metrics_table;

/* "timer": on worker threads. The callback runs on the same worker. Cancelled by the gateway when the instance's
 * on_worker_stop is over. A timer pins its generation. */
typedef struct postern_timer_table {
  uint32_t struct_size, version;
  /* However short the delay, `fire` comes in a later turn of the loop. repeat_ms 0: once. 0 is returned off a worker thread, and when the instance has stopped there (on_worker_stop is
   * over): from then on it can begin no timers, calls, tasks or posts. */
  postern_timer (*start)(postern_instance instance, uint64_t delay_ms, uint64_t repeat_ms, void (*fire)(void* user),
                         void* user);
  postern_status (*cancel)(postern_timer timer); /* afterwards `fire` is never called; POSTERN_E_GONE if it was over */
  uint64_t (*now_ms)(void);                      /* [any thread] monotonic; the worker loop's cached time on a worker */
  uint64_t (*unix_ms)(void);                     /* [any thread] wall clock */
  /* [any thread] For measuring: monotonic nanoseconds, read from the system at each call, so that they advance within a turn of
   * the loop as well. Only differences mean something. */
  uint64_t (*clock_ns)(void);
  uint64_t (*unix_ns)(void); /* [any thread] wall clock: nanoseconds since 1970 */
} postern_timer_table;

/* "dict": shared by all workers and generations; survives reloads. Keys to 1 KiB, values to 1 MiB. Everything is
 * [any thread] and atomic by key. When the size is reached the least recently used entries go first. ttl_ms 0: forever. */
#define POSTERN_LIMIT_TOKEN_BUCKET 0u   /* GCRA: `limit` per window on average, `burst` at once */
#define POSTERN_LIMIT_SLIDING_WINDOW 1u /* two counters weighted by the part of the window that overlaps */
typedef struct postern_limit {
  uint32_t struct_size;
  uint32_t algorithm; /* POSTERN_LIMIT_* */
  uint64_t limit;     /* >= 1 */
  uint64_t window_ms; /* >= 1 */
  uint64_t burst;     /* TOKEN_BUCKET: >= 1 */
  uint64_t cost;      /* 0 asks without taking */
} postern_limit;
typedef struct postern_limit_result {
  uint32_t struct_size;
  uint32_t allowed; /* 1: admitted and charged; 0: refused, nothing charged */
  uint64_t remaining;
  uint64_t retry_after_ms; /* 0 when allowed */
  uint64_t reset_ms;       /* until the full limit is available again */
} postern_limit_result;
typedef struct postern_dict_table {
  uint32_t struct_size, version;
  /* The same name is the same dict; the larger size wins. 0: the name is empty or longer than 128 bytes, or the sizes of
   * all dicts (1,024 at most) would come to more than half of the machine's (or container's) memory. */
  postern_dict (*open)(postern_instance instance, postern_str name, uint64_t max_bytes);
  /* Copies at most *size bytes to buffer_own (the caller's) and sets *size to the value's length. */
  postern_status (*get)(postern_dict d, postern_str key, char* buffer_own, uint64_t* size);
  postern_status (*set)(postern_dict d, postern_str key, postern_str value, uint64_t ttl_ms);
  postern_status (*add)(postern_dict d, postern_str key, postern_str value, uint64_t ttl_ms); /* POSTERN_E_EXISTS */
  postern_status (*remove)(postern_dict d, postern_str key);
  /* An absent key counts as 0 and takes ttl_ms; a present one keeps its own. POSTERN_E_TYPE: not a number. */
  postern_status (*increment)(postern_dict d, postern_str key, int64_t amount, uint64_t ttl_ms, int64_t* result);
  postern_status (*compare_and_set)(postern_dict d, postern_str key, postern_str expected, postern_str value,
                                    uint64_t ttl_ms); /* POSTERN_E_CONFLICT; an absent key matches nothing */
  postern_status (*limit)(postern_dict d, postern_str key, const postern_limit* limit, postern_limit_result* result);
} postern_dict_table;

/* "call": an HTTP client over the configured upstreams and their pools. On worker threads. */
typedef struct postern_call_request {
  uint32_t struct_size;
  uint32_t timeout_ms; /* for the whole call; 0: 30 s */
  postern_str upstream, method, target;
  const postern_header* headers;
  uint64_t header_count;
  postern_str body;
  uint64_t max_response_body; /* 0: 1 MiB; a longer answer ends as POSTERN_E_LIMIT */
} postern_call_request;
typedef struct postern_call_response {
  uint32_t struct_size;
  postern_status result; /* POSTERN_OK: the fields below are valid */
  uint32_t status;
  uint32_t reserved;
  const postern_header* headers_view;
  uint64_t header_count;
  postern_str body_view;
} postern_call_response;
typedef struct postern_call_table {
  uint32_t struct_size, version;
  /* `done` is called exactly once on this worker, never inside start, unless the call is cancelled first. A call pins
   * its generation, not an exchange: cancel it in on_end. Upstreams are those of the instance's own configuration, also
   * in on_worker_start. When the instance stops, its open calls end with POSTERN_E_FAILED. 0: malformed request, no such
   * upstream, or the instance has stopped on this worker. */
  postern_call (*start)(postern_instance instance, const postern_call_request* request,
                        void (*done)(void* user, const postern_call_response* response_view), void* user);
  postern_status (*cancel)(postern_call call);
} postern_call_table;

/* "upstream": endpoints of the configured upstreams. Endpoint numbers count from 0 within the worker's current set. */
typedef struct postern_endpoint {
  uint32_t struct_size;
  uint32_t index;
  postern_str address_view; /* "127.0.0.1:9001", "[::1]:80", "unix:/run/x.sock" */
  uint32_t weight;
  uint32_t available; /* 0 when a plugin took it out */
  uint64_t active;    /* exchanges in flight on this worker */
} postern_endpoint;
typedef struct postern_upstream_table {
  uint32_t struct_size, version;
  uint64_t (*endpoint_count)(postern_exchange x); /* of the exchange's upstream */
  postern_status (*endpoint_at)(postern_exchange x, uint64_t index, postern_endpoint* endpoint_view);
  /* Inside on_upstream_select: go to this endpoint instead of asking the balancer. */
  postern_status (*choose)(postern_exchange x, uint64_t index);
  /* Before or inside on_upstream_select: another upstream by name. */
  postern_status (*choose_upstream)(postern_exchange x, postern_str upstream);
  /* [any thread] Takes an endpoint out of balancing on all workers, or puts it back, in every generation that has it:
   * also in one that is just starting. POSTERN_E_NOT_FOUND. */
  postern_status (*set_available)(postern_str upstream, postern_str address, int32_t available);
} postern_upstream_table;

/* "services": plugin to plugin. An acquired table pins the publisher's library until released. */
typedef struct postern_services_table {
  uint32_t struct_size, version;
  /* `table` begins with uint32_t struct_size, version; must live until on_destroy. POSTERN_E_EXISTS. POSTERN_E_STATE: the
   * instance has not declared that it offers `name`, or with a later version than the table's. */
  postern_status (*publish)(postern_instance instance, postern_str name, const void* table);
  /* Null when nobody published `name` with at least that version. Allowed from on_worker_start on. */
  const void* (*acquire)(postern_instance instance, postern_str name, uint32_t min_version);
  void (*release)(postern_instance instance, const void* table);
} postern_services_table;

/* "work": a thread pool for what blocks or computes long. Jobs wait in lanes, each with a width (how many of its jobs run at
 * the same time) and a bound (how many may wait): password hashes in one do not hold up the disk reads in another. */
typedef struct postern_work_table {
  uint32_t struct_size, version;
  /* `work` runs on a pool thread, then `done` on this worker. `lane`: of lane(), or 0 for the plugin's own, which all its
   * instances share, of width 4 and bound 1,024. `status`: POSTERN_OK, or POSTERN_E_FAILED when `work` threw or called
   * loop->fail(). 0: the lane is full, there is no such lane, this is no worker, or the instance has stopped on it. What was
   * accepted runs to its end: work that never returns keeps its generation, and at the gateway's end is broken off with
   * the process. `done` may be null. */
  postern_task (*submit)(postern_instance instance, uint32_t lane, void (*work)(void* user),
                         void (*done)(void* user, postern_status status), void* user);
  /* POSTERN_OK: neither `work` nor `done` will be called. POSTERN_E_STATE when `work` has begun: nothing is cancelled and
   * `done` still follows, so that `user` always has one last owner. POSTERN_E_GONE after `done`. */
  postern_status (*cancel)(postern_task task);
  /* [any thread] The lane of that name (1 to 64 bytes), which is the same for all plugins, generations and workers, and stays as
   * long as the process. Width 1 to 16, bound 1 to 100,000; the largest that anybody asked for hold. 0: out of these ranges,
   * or there are 64 named lanes already. Each lane has one thread to itself; 64 more are for all lanes that are wider. */
  uint32_t (*lane)(postern_instance instance, postern_str name, uint32_t width, uint32_t bound);
} postern_work_table;

/* "loop": the worker's event loop, for plugins that bring their own handles (a Redis client). */
typedef struct postern_loop_table {
  uint32_t struct_size, version;
  void* (*uv_loop)(void);         /* uv_loop_t* of the calling worker; null elsewhere */
  int32_t (*worker)(void);        /* index of the calling worker; -1 elsewhere */
  uint32_t (*worker_count)(void); /* [any thread] */
  /* [any thread] Runs `run` on that worker. POSTERN_E_GONE before the instance's generation starts there, and when the
   * instance or the worker has stopped. */
  postern_status (*post)(postern_instance instance, uint32_t worker, void (*run)(void* user), void* user);
  /* On a worker: runs `code` now as code of `instance`: what it throws is caught, its time is the instance's and not the
   * caller's, the crash handler names it, and what it does to an exchange counts as done by that instance, with its pause and its
   * shadow mode. Whatever crosses from one plugin to another, and every callback of a handle of the plugin's own (libuv, hiredis), goes
   * through it. POSTERN_E_FAILED: it threw or called fail(). POSTERN_E_GONE: the instance has stopped here, and `code` did not run. */
  postern_status (*run)(postern_instance instance, void (*code)(void* user), void* user);
  /* [any thread] The running code of the plugin has failed, with `text` for the log (empty: it has said so itself): for authors whose exceptions must not leave their
   * language. A callback counts as one that threw: an exchange that it was begun for, and that its instance has suspended, goes on with
   * POSTERN_ERROR; a job of `work` ends with POSTERN_E_FAILED. Inside a hook its verdict becomes POSTERN_ERROR. Nothing outside
   * of plugin code. */
  void (*fail)(postern_str text);
} postern_loop_table;

/* "template": strings with ${variable} in them: ${request.path}, ${path.id}, ${consumer.id}, ${latency}; $$ is a $. */
typedef struct postern_template_table {
  uint32_t struct_size, version;
  /* Inside on_configure. Null on a malformed text; *error_view says why. Lives as long as the instance. Its variables count as
   * read at `hook`, as of declare_reads. */
  postern_template (*compile)(postern_instance instance, postern_str text, uint64_t hook, postern_str* error_view);
  /* Unknown or unset variables expand to nothing. Unlike other views the text is good until the exchange ends. */
  postern_status (*expand)(postern_exchange x, postern_template t, postern_str* text_view);
  /* How many variables it names, and each one (for declare_consumes). */
  uint64_t (*variable_count)(postern_template t);
  postern_str (*variable_at_view)(postern_template t, uint64_t index);
} postern_template_table;

/* "expression": the language of `_: {when}` (config/README.md, "Conditions") for a plugin's own keys. */
typedef struct postern_expression_table {
  uint32_t struct_size, version;
  /* Inside on_configure. Null on a malformed text; *error_view says why. Lives as long as the instance. Its variables count as
   * read at `hook`, as of declare_reads. */
  postern_expression (*compile)(postern_instance instance, postern_str text, uint64_t hook, postern_str* error_view);
  /* 1: it holds, 0: it does not. POSTERN_E_FAILED: it could not be judged, since a regular expression exceeded its bounds; a plugin
   * refuses then, so that no client decides what it answers. POSTERN_E_GONE, POSTERN_E_STATE: no such exchange here. */
  int32_t (*holds)(postern_exchange x, postern_expression e);
} postern_expression_table;

/* "control": the gateway itself. [any thread] */
typedef struct postern_route_info {
  uint32_t struct_size;
  uint32_t reserved;
  postern_str id_view, path_view, upstream_view;
} postern_route_info;
typedef struct postern_control_table {
  uint32_t struct_size, version;
  uint64_t (*generation)(postern_instance instance); /* the instance's own */
  postern_status (*reload)(void);                    /* asks for a reload; it happens later, on the control thread */
  uint64_t (*route_count)(postern_instance instance);
  postern_status (*route_at)(postern_instance instance, uint64_t index, postern_route_info* info_view);
} postern_control_table;

/* "connection": inside on_connection; next and info at any time on a worker. */
typedef struct postern_connection_info {
  uint32_t struct_size;
  uint32_t worker;
  postern_str peer_address_view; /* "192.0.2.7"; "unix" on a unix socket */
  uint32_t peer_port;
  uint32_t tls; /* 1 when the connection is encrypted */
  postern_str listener_view, server_name_view, alpn_view;
  /* As the variables tls.* and client.cert.*; empty where there is nothing to tell. */
  postern_str tls_version_view, tls_cipher_view;
  uint32_t tls_resumed;
  uint32_t client_verified; /* 1 when the client has shown a certificate and it is good */
  postern_str client_subject_view, client_issuer_view, client_names_view, client_fingerprint_view, client_serial_view;
  postern_str client_not_before_view, client_not_after_view;
  uint64_t opened_unix_ms;             /* wall clock when it was accepted */
  uint64_t exchanges;                  /* that are open on it */
  postern_str protocol_view;           /* "HTTP/1.1", "HTTP/2"; empty until it is known */
  postern_str client_certificate_view; /* the whole certificate of the client, in PEM */
  postern_str local_address_view; /* the address of this machine that the client has come to; "unix" on a unix socket */
  uint32_t local_port;
  uint32_t reserved;
} postern_connection_info;
typedef struct postern_connection_table {
  uint32_t struct_size, version;
  postern_status (*info)(postern_connection c, postern_connection_info* info_view);
  postern_status (*pause)(postern_connection c, postern_ticket* ticket);    /* as for exchanges */
  postern_status (*resume)(postern_ticket ticket, postern_verdict verdict); /* [any thread] CONTINUE, ABORT, ERROR */
  postern_connection (*next)(
      postern_connection after); /* as of exchanges: the client connections of the calling worker */
} postern_connection_table;

typedef struct postern_host {
  uint32_t struct_size, version;
  uint32_t abi_major, abi_minor;
  postern_str product_version_view;
  /* Null when there is no such table or it is older than min_version. */
  const void* (*get_interface)(const struct postern_host* host, postern_str name, uint32_t min_version);
} postern_host;

/* ---- What a plugin gives ------------------------------------------------------------------------------------------ */

/* One upstream attempt, as on_upstream_result sees it. Each attempt that on_upstream_select began for has exactly one result, unless
 * the exchange ends first: then the instance hears of it from on_complete alone. */
#define POSTERN_OUTCOME_RESPONSE 0u       /* a response head has come; `status` is set */
#define POSTERN_OUTCOME_CONNECT_FAILED 1u /* refused, unreachable, timed out, name not resolved: nothing was sent */
#define POSTERN_OUTCOME_RESET 2u          /* the connection broke before the response head */
#define POSTERN_OUTCOME_TIMEOUT 3u        /* no response head in time */
#define POSTERN_OUTCOME_PROTOCOL 4u       /* the answer was not valid HTTP */
#define POSTERN_OUTCOME_OVERLOADED 5u     /* connection limit reached and the waiting queue full or too slow */
#define POSTERN_OUTCOME_NO_ENDPOINT 6u    /* no available endpoint */
typedef struct postern_upstream_result {
  uint32_t struct_size;
  uint32_t outcome; /* POSTERN_OUTCOME_* */
  uint32_t status;  /* RESPONSE only, else 0 */
  uint32_t attempt; /* 1 for the first */
  postern_str upstream_view, endpoint_view;
  uint64_t connect_ns;  /* 0 on a reused connection */
  uint64_t duration_ns; /* from the start of the attempt to this moment */
  uint32_t retryable;   /* 1: the request can be sent again (retry() will be accepted) */
  uint32_t never_sent;  /* 1: no byte of the request left the gateway */
} postern_upstream_result;

/* The end of an exchange, as on_complete sees it: exactly once for each exchange and instance of its chain, whatever its other hooks
 * answered, after the last of them. */
#define POSTERN_END_OK 0u             /* the response went out whole */
#define POSTERN_END_CLIENT_GONE 1u    /* the client closed or reset first */
#define POSTERN_END_CLIENT_TIMEOUT 2u /* the client sent or read too slowly */
#define POSTERN_END_UPSTREAM 3u       /* the upstream broke off after the response head had gone out */
#define POSTERN_END_ABORTED 4u        /* a plugin's verdict */
#define POSTERN_END_SHUTDOWN 5u       /* the drain time was over */
#define POSTERN_END_BAD_REQUEST 6u    /* the request could not be parsed; a local error went out */
typedef struct postern_completion {
  uint32_t struct_size;
  uint32_t end;    /* POSTERN_END_* */
  uint32_t status; /* what the client got; 0 when no head went out */
  uint32_t origin; /* POSTERN_ORIGIN_* */
  uint64_t request_head_bytes, request_body_bytes;
  uint64_t response_head_bytes, response_body_bytes;
  uint64_t duration_ns;          /* request head complete to response complete */
  uint64_t upstream_duration_ns; /* start of the last attempt to its response head; 0 when there was none */
  uint64_t upstream_connect_ns;
  uint32_t attempts;
  uint32_t reserved;
  postern_str error_code_view;  /* of the gateway's own error, "TIMEOUT"; empty when there was none */
  postern_str error_cause_view; /* one sentence for the log; empty when there was none */
} postern_completion;

/* Bits of the hooks, for the note and disable_hooks. */
#define POSTERN_HOOK_CONNECTION (1ull << 0)
#define POSTERN_HOOK_REQUEST_EARLY (1ull << 1)
#define POSTERN_HOOK_REQUEST (1ull << 2)
#define POSTERN_HOOK_REQUEST_BODY (1ull << 3)
#define POSTERN_HOOK_UPSTREAM_SELECT (1ull << 4)
#define POSTERN_HOOK_UPSTREAM_REQUEST (1ull << 5)
#define POSTERN_HOOK_UPSTREAM_RESULT (1ull << 6)
#define POSTERN_HOOK_RESPONSE (1ull << 7)
#define POSTERN_HOOK_RESPONSE_BODY (1ull << 8)
#define POSTERN_HOOK_COMPLETE (1ull << 9)
#define POSTERN_HOOK_COUNT 10u /* bits beyond it are of later versions; a note that has one is refused */

/* Hooks of exchanges and connections run on the worker of theirs; on_worker_start and on_worker_stop on the worker they name;
 * everything else on the control thread.
 *
 * The plugin's table: a null hook means "not interested" and costs nothing. `context` is the plugin's own and comes back
 * in the hooks of the library; `data` is what on_configure gave for the instance; `slot` is slot_size zeroed bytes per
 * exchange and instance, aligned to 16, gone after on_complete. */
typedef struct postern_plugin {
  uint32_t struct_size, version;
  void* context;
  postern_str name;           /* lower-case letters, digits and '-'; equals the file's name without ".so" */
  postern_str plugin_version; /* "1.2.0" */
  postern_str schema;         /* JSON Schema of the configuration (draft 7); empty: takes none */
  uint64_t slot_size;         /* 0 .. 64 KiB */

  postern_status (*on_load)(void* context);
  void (*on_unload)(void* context);
  postern_status (*on_configure)(void* context, postern_instance instance, postern_node config, void** data);
  void (*on_destroy)(void* data); /* also after a failed on_configure that had set *data */
  postern_status (*on_worker_start)(void* data, uint32_t worker);
  /* OK or PENDING, which has 3 s: meanwhile the instance's timers and calls on that worker go on. Any other answer counts
   * as OK. */
  postern_status (*on_worker_stop)(void* data, uint32_t worker);

  postern_verdict (*on_connection)(void* data, postern_connection c); /* CONTINUE, SUSPEND, ABORT, ERROR */
  postern_verdict (*on_request_early)(void* data, void* slot, postern_exchange x);
  postern_verdict (*on_request)(void* data, void* slot, postern_exchange x);
  postern_verdict (*on_request_body)(void* data, void* slot, postern_exchange x, postern_str bytes_view,
                                     uint32_t flags);
  postern_verdict (*on_upstream_select)(void* data, void* slot, postern_exchange x);
  postern_verdict (*on_upstream_request)(void* data, void* slot, postern_exchange x);
  void (*on_upstream_result)(void* data, void* slot, postern_exchange x, const postern_upstream_result* result_view);
  /* The two response hooks are also asked about local responses, but no instance about one of its own making: its answer, or the error
   * response that came because it failed, missed its deadline or was too small for the body (BUFFER, REJECT). What another instance
   * answers in place of that is a response like any other. An instance answers once in its response hooks: a second RESPOND for
   * the same exchange is an ERROR. */
  postern_verdict (*on_response)(void* data, void* slot, postern_exchange x);
  postern_verdict (*on_response_body)(void* data, void* slot, postern_exchange x, postern_str bytes_view,
                                      uint32_t flags);
  void (*on_complete)(void* data, void* slot, postern_exchange x, const postern_completion* completion_view);

  /* Only for plugins that host scripts (`plugins/lua` hosts NAME/NAME.lua): reads the file and returns a table like this
   * one for it, or null with *error_view set (the plugin's memory, valid until its next call). The gateway calls
   * script_close after the last instance of that table is destroyed. The file extension is the plugin's name. */
  const struct postern_plugin* (*script_open)(void* context, postern_str path, postern_str* error_view);
  void (*script_close)(void* context, const struct postern_plugin* script);
} postern_plugin;

/* The one exported symbol. Returns null when it cannot work with this host; the reason belongs in the note. Called once
 * per dlopen, on the control thread. The table must live until on_unload returns. */
#define POSTERN_QUERY_SYMBOL "postern_plugin_query"
typedef const postern_plugin* (*postern_query_fn)(const postern_host* host);

/* ---- The ELF note ------------------------------------------------------------------------------------------------- */
/* Section ".note.postern", owner "POSTERN", type POSTERN_NOTE_TYPE. Read from the file before any of its code runs.      */
#define POSTERN_NOTE_SECTION ".note.postern"
#define POSTERN_NOTE_OWNER "POSTERN"
#define POSTERN_NOTE_TYPE 1u
#define POSTERN_NOTE_MAGIC 0x4e545350u /* "PSTN", little endian */
#define POSTERN_NOTE_VERSION 1u
typedef struct postern_note {
  uint32_t magic;
  uint32_t note_version;
  uint32_t abi_major;
  uint32_t abi_minor_min; /* the lowest minor version of the ABI that has its hooks; of functions postern_use tells */
  uint64_t hooks;         /* POSTERN_HOOK_* */
  char name[64];          /* zero-terminated, as all of these */
  char version[32];
  char interfaces[512]; /* required host tables: "exchange>=1 dict>=1" */
  char build_id[64];    /* whatever tells builds apart; may be empty */
  uint64_t reserved[8]; /* 0 */
} postern_note;

/* One function of a later minor version than 1 that the library calls without asking POSTERN_HAS first: any number of them, in
 * ".note.postern.uses" with the same owner. Behind the struct stands what it is, zero-terminated: "loop.idle". */
#define POSTERN_USE_SECTION ".note.postern.uses"
#define POSTERN_USE_TYPE 2u
typedef struct postern_use {
  uint32_t abi_minor;
} postern_use;

#ifdef __cplusplus
}
#endif
#endif /* POSTERN_ABI_H */
