#include "catalogue.h"

#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/util/type_resolver_util.h>

#include <utility>

namespace {

namespace pb = google::protobuf;

class Errors final : public pb::DescriptorPool::ErrorCollector {
 public:
  void AddError(const std::string& file, const std::string& element, const pb::Message*, ErrorLocation,
                const std::string& message) override {
    if (first.empty()) first = file + ": " + element + ": " + message;
  }
  std::string first;
};

}  // namespace

std::vector<std::string> Transcoder::Catalogue::load(std::string_view descriptors,
                                                     const std::vector<std::string>& services) {
  pb::FileDescriptorSet set;
  if (!set.ParseFromArray(descriptors.data(), static_cast<int>(descriptors.size())) || set.file_size() == 0)
    return {"it is no set of descriptors: make it with protoc --include_imports --descriptor_set_out=FILE"};
  factory.SetDelegateToGeneratedFactory(false);
  Errors errors;
  std::vector<const pb::FileDescriptor*> files;
  for (const auto& one : set.file()) {
    files.push_back(pool.BuildFileCollectingErrors(one, &errors));
    if (files.back() == nullptr) return {errors.first + " (was it made with --include_imports?)"};
  }
  types.reset(pb::util::NewTypeResolverForDescriptorPool("type.googleapis.com", &pool));
  for (const auto& name : services) {
    const auto* service = pool.FindServiceByName(name);
    if (service == nullptr)
      problems_.push_back("it has no service " + name);
    else
      add_service(*service);
  }
  for (const auto* file : files)
    for (int i = 0; services.empty() && i < file->service_count(); ++i) add_service(*file->service(i));
  if (bindings.empty() && problems_.empty()) problems_.emplace_back("no method of it has a google.api.http annotation");
  return std::move(problems_);
}

void Transcoder::Catalogue::add_service(const pb::ServiceDescriptor& service) {
  for (int i = 0; i < service.method_count(); ++i)
    for (const auto& rule : http_rules(*service.method(i))) add(*service.method(i), rule);
}

void Transcoder::Catalogue::add(const pb::MethodDescriptor& method, const HttpRule& rule) {
  auto binding = std::make_unique<Binding>();
  std::string problem;
  if (!compile(method, rule, *binding, problem)) {
    problems_.push_back(method.full_name() + ": " + rule.method + " " + rule.path + ": " + problem);
    return;
  }
  if (auto other = table.add(rule.method, binding->path_template, bindings.size()))
    problems_.push_back(method.full_name() + ": " + rule.method + " " + rule.path + " takes the same requests as " +
                        bindings[*other]->path);
  bindings.push_back(std::move(binding));
}

bool Transcoder::Catalogue::compile(const pb::MethodDescriptor& method, const HttpRule& rule, Binding& binding,
                                    std::string& problem) {
  auto refused = [&](const std::string& why) {
    problem = why;
    return false;
  };
  if (rule.method.empty() || rule.method == "*") return refused("it names no method of HTTP");
  auto path = PathTemplate::parse(rule.path, problem);
  if (!path) return false;
  const auto& request = *method.input_type();
  const auto& response = *method.output_type();
  for (auto name : path->fields()) {
    auto field = find_field(request, name, problem);
    if (!field) return false;
    if (field->back()->is_repeated()) return refused(std::string(name) + " is repeated, and a path has one value");
    binding.variables.push_back(std::move(*field));
  }
  binding.whole_body = rule.body == "*";
  if (!rule.body.empty() && !binding.whole_body) {
    binding.body_field = request.FindFieldByName(rule.body);
    if (binding.body_field == nullptr) return refused("body: " + request.full_name() + " has no field " + rule.body);
  }
  if (!rule.response_body.empty()) {
    binding.response_field = response.FindFieldByName(rule.response_body);
    if (binding.response_field == nullptr)
      return refused("response_body: " + response.full_name() + " has no field " + rule.response_body);
  }
  binding.path_template = std::move(*path);
  binding.path = "/" + method.service()->full_name() + "/" + method.name();
  binding.takes_body = !rule.body.empty();
  binding.client_streams = method.client_streaming();
  binding.server_streams = method.server_streaming();
  binding.request = factory.GetPrototype(&request);
  binding.response = factory.GetPrototype(&response);
  return true;
}
