#include "transcoder.h"

#include <google/protobuf/util/json_util.h>
#include <postern/text/json.h>

#include <optional>
#include <utility>

#include "catalogue.h"
#include "expansion.h"
#include "json_text.h"
#include "query.h"

namespace {

namespace pb = google::protobuf;

constexpr std::int64_t kPrintedField = 160;

// Requests have no way to say twice what a field is: neither a path and a query, nor a query twice.
std::string bind_query(pb::Message& message, const Binding& binding, std::string_view query,
                       pb::util::TypeResolver& types) {
  auto parameters = read_query(query);
  if (!parameters) return "the query is malformed, or it has more than 100 parameters";
  std::vector<FieldPath> bound = binding.variables;
  if (binding.body_field != nullptr) bound.push_back({binding.body_field});
  for (const auto& [name, value] : *parameters) {
    std::string problem;
    if (binding.whole_body)
      return postern::json_string(name) + ": the call takes its fields from the body, none from the query";
    auto field = find_field(*message.GetDescriptor(), name, problem);
    if (!field) return problem;
    for (const auto& other : bound)
      if (overlap(*field, other)) return postern::json_string(name) + " is said elsewhere in the request";
    if (!field->back()->is_repeated()) bound.push_back(*field);
    if (!bind_text(message, *field, value, types)) return postern::json_string(name) + " cannot have that value";
  }
  return {};
}

std::string read_body(pb::Message& message, const Binding& binding, std::string_view body,
                      pb::util::TypeResolver& types) {
  if (body.empty()) return {};
  if (!binding.takes_body) return "the call takes no body";
  if (!is_strict_json(body)) return "the body is not JSON, or it is nested too deeply or has too many values";
  std::string json(body);
  if (binding.body_field != nullptr) json = "{" + postern::json_string(binding.body_field->name()) + ":" + json + "}";
  auto problem = read_json(message, json, types);
  return problem.empty() ? problem : "the body: " + problem;
}

const Binding& binding_of(const Call& call) { return static_cast<const Binding&>(call); }

}  // namespace

Transcoder::Transcoder(std::unique_ptr<Catalogue> catalogue) : catalogue_(std::move(catalogue)) {}
Transcoder::~Transcoder() = default;

std::unique_ptr<const Transcoder> Transcoder::make(std::string_view descriptors,
                                                   const std::vector<std::string>& services, const Options& options,
                                                   std::vector<std::string>& problems) {
  pb::SetLogHandler(nullptr);  // it would write to stderr what clients and servers get wrong
  auto catalogue = std::make_unique<Catalogue>();
  catalogue->options = options;
  problems = catalogue->load(descriptors, services);
  if (!problems.empty()) return nullptr;
  return std::unique_ptr<const Transcoder>(new Transcoder(std::move(catalogue)));
}

Transcoder::Found Transcoder::find(std::string_view method, std::string_view path) const {
  auto found = catalogue_->table.find(method, path);
  if (!found.value) return {nullptr, {}, std::move(found.methods)};
  const Binding& binding = *catalogue_->bindings[*found.value];
  auto variables = binding.path_template.match(path);
  if (!variables) return {};
  return {&binding, std::move(*variables), {}};
}

std::variant<std::string, Transcoder::Problem> Transcoder::request(const Call& call,
                                                                   const std::vector<PathVariable>& variables,
                                                                   std::string_view query,
                                                                   std::string_view body) const {
  const Binding& binding = binding_of(call);
  std::unique_ptr<pb::Message> message(binding.request->New());
  auto problem = read_body(*message, binding, body, *catalogue_->types);
  if (!problem.empty()) return Problem{std::move(problem)};
  for (std::size_t i = 0; i < variables.size(); ++i)  // over what the body says
    if (!bind_text(*message, binding.variables[i], variables[i].value, *catalogue_->types))
      return Problem{postern::json_string(variables[i].field) + " in the path cannot have that value"};
  problem = bind_query(*message, binding, query, *catalogue_->types);
  if (!problem.empty()) return Problem{std::move(problem)};
  std::string bytes;
  if (!message->SerializePartialToString(&bytes)) return Problem{"the message is too long"};
  if (!message->IsInitialized()) return Problem{"fields are missing: " + message->InitializationErrorString()};
  return bytes;
}

std::variant<std::string, Transcoder::Problem> Transcoder::response(const Call& call, std::string_view bytes) const {
  const Binding& binding = binding_of(call);
  // With defaults the printer makes a tree of all fields of all messages first.
  std::int64_t printed = catalogue_->options.always_print_primitive_fields ? kPrintedField : 0;
  MemoryBudget budget{catalogue_->options.message_memory, printed};
  const Problem too_much{"the server's message has too many parts"};
  auto fits = fit(*binding.response, catalogue_->factory, bytes, budget);
  if (!fits.fits) return too_much;
  std::unique_ptr<pb::Message> message(binding.response->New());
  if (!message->ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return Problem{"the server sent what is no " + binding.response->GetDescriptor()->full_name()};
  pb::util::JsonPrintOptions options;
  options.always_print_primitive_fields = catalogue_->options.always_print_primitive_fields;
  options.preserve_proto_field_names = catalogue_->options.preserve_proto_field_names;
  options.always_print_enums_as_ints = catalogue_->options.always_print_enums_as_ints;
  auto print = [&](const std::string& what, std::string& json) {
    auto url = type_url(*binding.response->GetDescriptor());
    return pb::util::BinaryToJsonString(catalogue_->types.get(), url, what, &json, options).ok();
  };
  std::string json;
  auto parsed = message->SerializePartialAsString();  // not the bytes that came: there a field may stand twice
  if (fits.has_any) fits = fit(*binding.response, catalogue_->factory, parsed, budget);
  if (!fits.fits) return too_much;
  if (!fits.well_formed || !print(parsed, json))
    return Problem{"the server's message has no JSON: an Any of an unknown type, or nested too deeply"};
  const auto* field = binding.response_field;
  if (field == nullptr) return json;
  std::string name = options.preserve_proto_field_names ? field->name() : field->json_name();
  if (auto value = member(json, name)) return std::string(*value);
  if (field->cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE && !field->is_repeated()) return std::string("{}");
  options.always_print_primitive_fields = true;  // it is unset: its default, as the empty message has it
  std::string defaults;
  auto value = print("", defaults) ? member(defaults, name) : std::nullopt;
  return value ? std::string(*value) : std::string("null");
}
