#include "plan/condition.h"

#include <postern/text/ascii.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "base/regex.h"

namespace postern::proxy {

// One node of the tree; children are indices of earlier terms.
struct Condition::Term {
  enum class Kind : std::uint8_t { any_of, all_of, negation, truth, comparison };
  enum class Operator : std::uint8_t {
    equal,
    unequal,
    less,
    less_equal,
    greater,
    greater_equal,
    starts_with,
    ends_with,
    contains,
    matches,
    in
  };
  // A literal, or a variable when `variable` is not 0.
  struct Operand {
    VariableId variable = 0;
    Value literal;  // its string points into `text`
    std::string text;
  };
  Kind kind = Kind::truth;
  Operator op = Operator::equal;
  std::vector<std::size_t> children;
  VariableId variable = 0;
  std::vector<Operand> operands;
  std::optional<Regex> regex;
};

namespace {

using Term = Condition::Term;
using Kind = Term::Kind;
using Operator = Term::Operator;
using Answer = Condition::Answer;

struct Named {
  std::string_view text;
  Operator op;
};
constexpr Named kSymbols[] = {{"==", Operator::equal},         {"!=", Operator::unequal}, {"<=", Operator::less_equal},
                              {">=", Operator::greater_equal}, {"<", Operator::less},     {">", Operator::greater}};
constexpr Named kWords[] = {{"starts_with", Operator::starts_with},
                            {"ends_with", Operator::ends_with},
                            {"contains", Operator::contains},
                            {"matches", Operator::matches},
                            {"in", Operator::in}};

struct Alias {
  std::string_view word, variable;
};
constexpr Alias kAliases[] = {{"method", "request.method"},
                              {"path", "request.path"},
                              {"host", "request.host"},
                              {"query", "request.query"},
                              {"scheme", "request.scheme"}};

std::string full_name(std::string_view word) {
  for (const Alias& alias : kAliases)
    if (alias.word == word) return std::string(alias.variable);
  if (word.starts_with("header.") || word.starts_with("cookie.")) return "request." + std::string(word);
  return std::string(word);
}

bool is_name_char(char c) { return is_letter(c) || is_digit(c) || c == '.' || c == '_' || c == '-'; }

// ---- Compiling: recursive descent over the text; the first error ends it ------------------------------------------------

class Parser {
 public:
  Parser(std::string_view text, std::vector<Term>& terms) : text_(text), terms_(terms) {}

  Result<void> parse() {
    auto root = any_of();
    if (!root) return fail(root.error());
    skip_spaces();
    if (at_ < text_.size()) return expected("&&, || or the end");
    return {};
  }

 private:
  using Index = Result<std::size_t>;

  tl::unexpected<Error> expected(std::string_view what) const {
    std::string found = at_ < text_.size() ? '"' + std::string(text_.substr(at_, 12)) + '"' : "the end";
    return error_at(at_, "expected " + std::string(what) + ", found " + found);
  }
  static tl::unexpected<Error> error_at(std::size_t at, std::string what) {
    return fail(Error::gateway("column " + std::to_string(at + 1) + ": " + std::move(what)));
  }
  void skip_spaces() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n')) ++at_;
  }
  bool take(std::string_view symbol) {
    skip_spaces();
    if (!text_.substr(at_).starts_with(symbol)) return false;
    at_ += symbol.size();
    return true;
  }
  std::string_view peek_word() {
    skip_spaces();
    std::size_t end = at_;
    while (end < text_.size() && is_name_char(text_[end])) ++end;
    return text_.substr(at_, end - at_);
  }
  std::size_t add(Term term) {
    terms_.push_back(std::move(term));
    return terms_.size() - 1;
  }

  Index joined(Kind kind, std::string_view symbol, Index (Parser::*part)()) {
    auto first = (this->*part)();
    if (!first || !text_ahead(symbol)) return first;
    Term term;
    term.kind = kind;
    term.children.push_back(*first);
    while (take(symbol)) {
      auto next = (this->*part)();
      if (!next) return next;
      term.children.push_back(*next);
    }
    return add(std::move(term));
  }
  bool text_ahead(std::string_view symbol) {
    skip_spaces();
    return text_.substr(at_).starts_with(symbol);
  }
  Index any_of() { return joined(Kind::any_of, "||", &Parser::all_of); }
  Index all_of() { return joined(Kind::all_of, "&&", &Parser::term); }

  Index term() {
    if (++depth_ > Condition::kDepth) return error_at(at_, "nested deeper than " + std::to_string(Condition::kDepth));
    auto result = text_ahead("!") && !text_ahead("!=") ? negation() : text_ahead("(") ? group() : comparison();
    --depth_;
    return result;
  }
  Index negation() {
    take("!");
    auto inner = term();
    if (!inner) return inner;
    Term result;
    result.kind = Kind::negation;
    result.children.push_back(*inner);
    return add(std::move(result));
  }
  Index group() {
    take("(");
    auto inner = any_of();
    if (inner && !take(")")) return expected("\")\"");
    return inner;
  }

  Index comparison() {
    auto variable = this->variable();
    if (!variable) return fail(variable.error());
    Term result;
    result.variable = *variable;
    auto op = take_operator();
    if (!op) return add(std::move(result));
    result.kind = Kind::comparison;
    result.op = *op;
    auto filled = *op == Operator::in ? list(result) : one_operand(result);
    if (!filled) return fail(filled.error());
    return add(std::move(result));
  }
  std::optional<Operator> take_operator() {
    for (const Named& n : kSymbols)
      if (take(n.text)) return n.op;
    auto word = peek_word();
    for (const Named& n : kWords) {
      if (n.text != word) continue;
      at_ += word.size();
      return n.op;
    }
    return std::nullopt;
  }
  Result<VariableId> variable() {
    auto word = peek_word();
    if (word.empty()) return expected("a variable");
    VariableId id = variable_id(full_name(word));
    if (id == 0) return error_at(at_, '"' + std::string(word) + "\" is not a variable's name");
    at_ += word.size();
    return id;
  }
  Result<void> one_operand(Term& term) {
    auto start = (skip_spaces(), at_);
    auto value = operand();
    if (!value) return fail(value.error());
    if (term.op == Operator::matches) {
      if (value->variable != 0 || value->literal.kind != Value::Kind::string)
        return error_at(start, "matches expects a string");
      auto regex = Regex::compile(value->text);
      if (!regex) return error_at(start, regex.error().text);
      term.regex = std::move(*regex);
    }
    term.operands.push_back(std::move(*value));
    return {};
  }
  Result<void> list(Term& term) {
    if (!take("[")) return expected("\"[\"");
    if (take("]")) return {};
    do {
      auto value = operand();
      if (!value) return fail(value.error());
      if (value->variable != 0) return expected("a literal in the list");
      term.operands.push_back(std::move(*value));
    } while (take(","));
    if (!take("]")) return expected("\",\" or \"]\"");
    return {};
  }

  Result<Term::Operand> operand() {
    skip_spaces();
    Term::Operand result;
    if (at_ < text_.size() && (text_[at_] == '"' || text_[at_] == '\'')) return quoted();
    auto word = peek_word();
    if (word.empty()) return expected("a value");
    if (word == "true" || word == "false") {
      result.literal = Value::of(word == "true");
      at_ += word.size();
      return result;
    }
    if (word[0] == '-' || is_digit(word[0])) return number(word);
    auto id = variable();
    if (!id) return fail(id.error());
    result.variable = *id;
    return result;
  }
  Result<Term::Operand> number(std::string_view word) {
    Term::Operand result;
    const char* end = word.data() + word.size();
    std::int64_t integer = 0;
    double real = 0;
    if (auto [stop, error] = std::from_chars(word.data(), end, integer); error == std::errc{} && stop == end) {
      result.literal = Value::of(integer);
    } else if (auto [stop2, error2] = std::from_chars(word.data(), end, real); error2 == std::errc{} && stop2 == end) {
      result.literal = Value::of(real);
    } else {
      return expected("a number");
    }
    at_ += word.size();
    return result;
  }
  Result<Term::Operand> quoted() {
    Term::Operand result;
    char quote = text_[at_];
    std::size_t start = at_++;
    while (at_ < text_.size() && text_[at_] != quote) {
      bool escape = quote == '"' && text_[at_] == '\\' && at_ + 1 < text_.size() &&
                    (text_[at_ + 1] == '"' || text_[at_ + 1] == '\\');
      if (escape) ++at_;
      result.text += text_[at_++];
    }
    if (at_ >= text_.size()) return error_at(start, "the string has no closing quote");
    ++at_;
    result.literal.kind = Value::Kind::string;
    return result;
  }

  std::string_view text_;
  std::vector<Term>& terms_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

// ---- Evaluating -------------------------------------------------------------------------------------------------------

bool is_true(const Value& v) {
  switch (v.kind) {
    case Value::Kind::none:
      return false;
    case Value::Kind::string:
      return !v.string.empty() && v.string != "false" && v.string != "0";
    case Value::Kind::integer:
    case Value::Kind::boolean:
      return v.integer != 0;
    case Value::Kind::number:
      return v.number != 0;
  }
  return false;
}

std::optional<double> as_number(const Value& v) {
  if (v.kind == Value::Kind::integer) return static_cast<double>(v.integer);
  if (v.kind == Value::Kind::number) return v.number;
  if (v.kind != Value::Kind::string) return std::nullopt;
  double number = 0;
  const char* end = v.string.data() + v.string.size();
  auto [stop, error] = std::from_chars(v.string.data(), end, number);
  return error == std::errc{} && stop == end && stop != v.string.data() ? std::optional(number) : std::nullopt;
}

// The text of any value, in a buffer of the caller's when it has to be made.
struct TextBuffer {
  char bytes[40];
};
std::string_view as_text(const Value& v, TextBuffer& buffer) {
  char* end = buffer.bytes + sizeof buffer.bytes;
  switch (v.kind) {
    case Value::Kind::none:
      return {};
    case Value::Kind::string:
      return v.string;
    case Value::Kind::boolean:
      return v.integer != 0 ? "true" : "false";
    case Value::Kind::integer:
      return {buffer.bytes, static_cast<std::size_t>(std::to_chars(buffer.bytes, end, v.integer).ptr - buffer.bytes)};
    case Value::Kind::number:
      return {buffer.bytes, static_cast<std::size_t>(std::to_chars(buffer.bytes, end, v.number).ptr - buffer.bytes)};
  }
  return {};
}

bool is_numeric(const Value& v) { return v.kind == Value::Kind::integer || v.kind == Value::Kind::number; }

bool equal(const Value& a, const Value& b) {
  if (is_numeric(a) && is_numeric(b)) return *as_number(a) == *as_number(b);
  TextBuffer left, right;
  return as_text(a, left) == as_text(b, right);
}

bool ordered(Operator op, const Value& a, const Value& b) {
  auto left = as_number(a), right = as_number(b);
  if (!left || !right) return false;
  switch (op) {
    case Operator::less:
      return *left < *right;
    case Operator::less_equal:
      return *left <= *right;
    case Operator::greater:
      return *left > *right;
    default:
      return *left >= *right;
  }
}

Value value_of(const Term::Operand& operand, const VariableReader& reader) {
  if (operand.variable != 0) return reader.variable(operand.variable);
  if (operand.literal.kind == Value::Kind::string) return Value::of(std::string_view(operand.text));
  return operand.literal;
}

Answer answer(bool holds) { return holds ? Answer::yes : Answer::no; }

Answer match(const Regex& regex, std::string_view text) {
  std::optional<bool> matches = regex.try_match(text);
  return matches ? answer(*matches) : Answer::unjudged;
}

bool compare_texts(Operator op, std::string_view text, std::string_view other) {
  if (op == Operator::starts_with) return text.starts_with(other);
  if (op == Operator::ends_with) return text.ends_with(other);
  return text.find(other) != text.npos;
}

bool compare(Operator op, const Value& left, const Value& right) {
  if (op == Operator::equal) return equal(left, right);
  if (op == Operator::unequal) return !equal(left, right);
  bool of_texts = op == Operator::starts_with || op == Operator::ends_with || op == Operator::contains;
  if (!of_texts) return ordered(op, left, right);
  TextBuffer left_buffer, right_buffer;
  return compare_texts(op, as_text(left, left_buffer), as_text(right, right_buffer));
}

Answer compare(const Term& term, const VariableReader& reader) {
  const Value left = reader.variable(term.variable);
  if (term.op == Operator::matches) {
    TextBuffer buffer;
    return match(*term.regex, as_text(left, buffer));
  }
  if (term.op == Operator::in)
    return answer(std::any_of(term.operands.begin(), term.operands.end(),
                              [&](const Term::Operand& o) { return equal(left, value_of(o, reader)); }));
  return answer(compare(term.op, left, value_of(term.operands.front(), reader)));
}

Answer evaluate(const std::vector<Term>& terms, std::size_t at, const VariableReader& reader);

// `decisive` of one child decides, whatever the others are; else one that nobody could judge leaves all of it open.
Answer join(const std::vector<Term>& terms, const Term& term, const VariableReader& reader, Answer decisive) {
  Answer joined = decisive == Answer::yes ? Answer::no : Answer::yes;
  for (std::size_t child : term.children) {
    Answer part = evaluate(terms, child, reader);
    if (part == decisive) return part;
    if (part == Answer::unjudged) joined = part;
  }
  return joined;
}

Answer negate(Answer inner) {
  if (inner == Answer::unjudged) return inner;
  return answer(inner == Answer::no);
}

Answer evaluate(const std::vector<Term>& terms, std::size_t at, const VariableReader& reader) {
  const Term& term = terms[at];
  switch (term.kind) {
    case Kind::any_of:
      return join(terms, term, reader, Answer::yes);
    case Kind::all_of:
      return join(terms, term, reader, Answer::no);
    case Kind::negation:
      return negate(evaluate(terms, term.children.front(), reader));
    case Kind::truth:
      return answer(is_true(reader.variable(term.variable)));
    case Kind::comparison:
      return compare(term, reader);
  }
  return Answer::unjudged;
}

}  // namespace

Condition::Condition() = default;
Condition::Condition(Condition&&) noexcept = default;
Condition& Condition::operator=(Condition&&) noexcept = default;
Condition::~Condition() = default;

Result<Condition> Condition::compile(std::string_view text) {
  if (text.size() > kLongest) return fail(Error::gateway("column 1: an expression has at most 8 KiB"));
  Condition condition;
  condition.text_ = text;
  auto parsed = Parser(condition.text_, condition.terms_).parse();
  if (!parsed) return fail(parsed.error());
  return condition;
}

Condition::Answer Condition::holds(const VariableReader& reader) const {
  return evaluate(terms_, terms_.size() - 1, reader);
}

namespace {

void add_once(std::vector<VariableId>& all, VariableId id) {
  if (id != 0 && std::find(all.begin(), all.end(), id) == all.end()) all.push_back(id);
}

bool same_operand(const Term::Operand& a, const Term::Operand& b) {
  return a.variable == b.variable && a.text == b.text && a.literal.kind == b.literal.kind &&
         a.literal.integer == b.literal.integer && a.literal.number == b.literal.number;
}

// The trees at `at` and `other_at` say the same in the same order.
bool same_tree(const std::vector<Term>& terms, std::size_t at, const std::vector<Term>& others, std::size_t other_at) {
  const Term& a = terms[at];
  const Term& b = others[other_at];
  return a.kind == b.kind && a.op == b.op && a.variable == b.variable &&
         std::equal(a.operands.begin(), a.operands.end(), b.operands.begin(), b.operands.end(), same_operand) &&
         std::equal(a.children.begin(), a.children.end(), b.children.begin(), b.children.end(),
                    [&](std::size_t i, std::size_t j) { return same_tree(terms, i, others, j); });
}

// What all must hold for the whole to hold.
std::vector<std::size_t> demands_of(const std::vector<Term>& terms) {
  const Term& root = terms.back();
  return root.kind == Kind::all_of ? root.children : std::vector{terms.size() - 1};
}

}  // namespace

std::vector<VariableId> Condition::variables() const {
  std::vector<VariableId> all;
  for (const Term& term : terms_) {
    add_once(all, term.variable);
    for (const auto& operand : term.operands) add_once(all, operand.variable);
  }
  return all;
}

std::vector<VariableId> Condition::unequal_variables() const {
  std::vector<VariableId> all;
  for (const Term& term : terms_) {
    if (term.kind != Kind::comparison || term.op != Operator::unequal) continue;
    add_once(all, term.variable);
    add_once(all, term.operands.front().variable);
  }
  return all;
}

bool Condition::implies(const Condition& other) const {
  const auto mine = demands_of(terms_);
  const auto theirs = demands_of(other.terms_);
  return std::all_of(theirs.begin(), theirs.end(), [&](std::size_t wanted) {
    return std::any_of(mine.begin(), mine.end(),
                       [&](std::size_t demand) { return same_tree(terms_, demand, other.terms_, wanted); });
  });
}

}  // namespace postern::proxy
