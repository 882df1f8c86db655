// SPDX-License-Identifier: Apache-2.0
// A machine for the opcodes of pickles that PyTorch needs for tensors (CPython, pickletools.py).
// Not: any other; calls build values of the list below and nothing else.
#include "converter/import/pickle.h"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstring>
#include <unordered_map>
#include <utility>

#include "converter/import/elements.h"
#include "converter/import/pickle_names.h"

namespace ligero {
namespace {

constexpr size_t kMaxPickleBytes = size_t{256} << 20;
constexpr size_t kMaxValues = size_t{1} << 22;
constexpr uint8_t kOldestProtocol = 2;
constexpr uint8_t kNewestProtocol = 5;

// Names in messages: printable and short.
std::string shown(const std::string& name) {
  constexpr size_t kMost = 120;
  std::string out = name.substr(0, kMost);
  std::replace(out.begin(), out.end(), ' ', '.');
  for (char& c : out) {
    c = c > ' ' && c <= '~' ? c : '?';
  }
  return out;
}

// Opcodes that are refused, so that the message can name them.
struct Refused {
  uint8_t code;
  const char* name;
};
constexpr Refused kRefused[] = {
    {'0', "POP"},
    {'1', "POP_MARK"},
    {'2', "DUP"},
    {'F', "FLOAT"},
    {'I', "INT"},
    {'L', "LONG"},
    {'P', "PERSID"},
    {'S', "STRING"},
    {'T', "BINSTRING"},
    {'U', "SHORT_BINSTRING"},
    {'V', "UNICODE"},
    {'d', "DICT"},
    {'g', "GET"},
    {'i', "INST"},
    {'l', "LIST"},
    {'o', "OBJ"},
    {'p', "PUT"},
    {0x82, "EXT1"},
    {0x83, "EXT2"},
    {0x84, "EXT4"},
    {0x97, "NEXT_BUFFER"},
    {0x98, "READONLY_BUFFER"},
};

// The stack machine: what it holds and what several opcodes do. Its table of opcodes comes last.
class Machine {
 public:
  Machine(std::span<const std::byte> bytes, const std::string& source)
      : bytes_(bytes), source_(source) {}

  Pickle run();

  [[noreturn]] void refuse(const std::string& what) const {
    throw ImportError(source_ + ", byte " + std::to_string(start_) + ": " + what);
  }
  template <typename T>
  T number() {
    return load_little<T>(take(sizeof(T)));
  }
  std::string text(uint64_t count) {
    const auto* begin = reinterpret_cast<const char*>(take(count));
    return {begin, static_cast<size_t>(count)};
  }
  std::string line();

  PickleValue& push(PickleKind kind);
  void push_integer(PickleKind kind, int64_t x) {
    push(kind).integer = x;
  }
  void push_text(uint64_t bytes) {
    push(PickleKind::kText).text = text(bytes);
  }
  void push_tuple(size_t count);
  void push_marked_tuple();
  void push_global(const std::string& name);
  void push_long(uint64_t bytes);
  void push_bytes(uint64_t count) {
    take(count);
    push(PickleKind::kObject);
  }
  void mark() {
    marks_.push_back(stack_.size());
  }
  void remember(size_t key);
  void recall(uint32_t key);
  size_t remembered() const {
    return memo_.size();
  }

  void begin(uint8_t protocol);
  void stop();
  void extend(PickleKind kind, const std::vector<int32_t>& added);
  std::vector<int32_t> pop_to_mark();
  std::vector<int32_t> pop_some(size_t count);
  void stack_global();
  void persistent();
  void build();
  void reduce();
  void new_object(size_t arguments);

 private:
  const std::byte* take(uint64_t count);
  const PickleValue& value(int32_t index) const {
    return pickle_.at(index);
  }
  // What calling the value gives.
  Callee callee(int32_t index) const {
    return value(index).kind == PickleKind::kGlobal ? callee_of(value(index).text) : Callee::kNone;
  }
  // Values below the topmost mark are out of reach.
  size_t reachable() const {
    return stack_.size() - (marks_.empty() ? 0 : marks_.back());
  }
  int32_t pop() {
    return pop_some(1)[0];
  }
  void make_dict(const std::string& name, const std::vector<int32_t>& arguments);
  void rebuild_tensor(const std::vector<int32_t>& arguments);
  void check_counts(int32_t index, const char* what) const;

  std::span<const std::byte> bytes_;
  const std::string& source_;
  size_t at_ = 0;
  size_t start_ = 0;  // of the opcode being run
  bool done_ = false;
  Pickle pickle_;
  std::vector<int32_t> stack_;
  std::vector<size_t> marks_;
  std::unordered_map<size_t, int32_t> memo_;
};

const std::byte* Machine::take(uint64_t count) {
  if (count > bytes_.size() - at_) {
    refuse("needs " + std::to_string(count) + " bytes more, but the pickle ends at " +
           std::to_string(bytes_.size()));
  }
  at_ += count;
  return bytes_.data() + (at_ - count);
}

std::string Machine::line() {
  std::string out;
  for (char c = number<char>(); c != '\n'; c = number<char>()) {
    out += c;
  }
  return out;
}

PickleValue& Machine::push(PickleKind kind) {
  if (pickle_.values.size() == kMaxValues) {
    refuse("more than " + std::to_string(kMaxValues) + " values");
  }
  stack_.push_back(static_cast<int32_t>(pickle_.values.size()));
  pickle_.values.emplace_back().kind = kind;
  return pickle_.values.back();
}

std::vector<int32_t> Machine::pop_some(size_t count) {
  if (count > reachable()) {
    refuse("wants " + std::to_string(count) + " values of a stack of " +
           std::to_string(reachable()));
  }
  const auto first = stack_.end() - static_cast<std::ptrdiff_t>(count);
  std::vector<int32_t> out(first, stack_.end());
  stack_.erase(first, stack_.end());
  return out;
}

std::vector<int32_t> Machine::pop_to_mark() {
  if (marks_.empty()) {
    refuse("no mark on the stack");
  }
  std::vector<int32_t> out = pop_some(reachable());
  marks_.pop_back();
  return out;
}

void Machine::push_tuple(size_t count) {
  std::vector<int32_t> items = pop_some(count);
  push(PickleKind::kTuple).items = std::move(items);
}

void Machine::push_marked_tuple() {
  std::vector<int32_t> items = pop_to_mark();
  push(PickleKind::kTuple).items = std::move(items);
}

void Machine::push_global(const std::string& name) {
  if (callee_of(name) == Callee::kNone) {
    refuse("global " + shown(name) +
           " is not one that a checkpoint of tensors needs; nothing of it "
           "was run. Save the state_dict alone");
  }
  push(PickleKind::kGlobal).text = name;
}

void Machine::push_long(uint64_t bytes) {
  const std::byte* from = take(bytes);
  if (bytes > sizeof(int64_t)) {
    push(PickleKind::kBigInt);
    return;
  }
  uint64_t x = bytes > 0 && (from[bytes - 1] & std::byte{0x80}) != std::byte{0} ? ~uint64_t{0} : 0;
  std::memcpy(&x, from, bytes);
  push_integer(PickleKind::kInt, static_cast<int64_t>(x));
}

void Machine::remember(size_t key) {
  const int32_t index = pop();
  stack_.push_back(index);
  memo_[key] = index;
}

void Machine::recall(uint32_t key) {
  const auto found = memo_.find(key);
  if (found == memo_.end()) {
    refuse("nothing was remembered as " + std::to_string(key));
  }
  stack_.push_back(found->second);
}

void Machine::begin(uint8_t protocol) {
  if (start_ != 0 || protocol < kOldestProtocol || protocol > kNewestProtocol) {
    refuse("protocol " + std::to_string(protocol) + ", expected " +
           std::to_string(kOldestProtocol) + " to " + std::to_string(kNewestProtocol) +
           ", once and first");
  }
}

void Machine::stop() {
  pickle_.root = pop();
  if (!stack_.empty() || !marks_.empty() || at_ != bytes_.size()) {
    refuse("STOP with " + std::to_string(stack_.size()) + " values and " +
           std::to_string(bytes_.size() - at_) + " bytes left over");
  }
  done_ = true;
}

// The value below gets more items.
void Machine::extend(PickleKind kind, const std::vector<int32_t>& added) {
  const int32_t index = pop();
  stack_.push_back(index);
  PickleValue& target = pickle_.values[static_cast<size_t>(index)];
  if (target.kind == PickleKind::kObject) {
    return;
  }
  const bool pairs = kind == PickleKind::kDict;
  if (target.kind != kind || (pairs && added.size() % 2)) {
    refuse(pairs ? "expected a dict and pairs of key and value" : "expected a list");
  }
  target.items.insert(target.items.end(), added.begin(), added.end());
}

void Machine::stack_global() {
  const std::vector<int32_t> names = pop_some(2);
  if (value(names[0]).kind != PickleKind::kText || value(names[1]).kind != PickleKind::kText) {
    refuse("STACK_GLOBAL expected two texts");
  }
  push_global(value(names[0]).text + " " + value(names[1]).text);
}

// PyTorch's only use: ("storage", type, key, device, number of elements).
void Machine::persistent() {
  const int32_t id = pop();
  const std::vector<int32_t> items = value(id).items;
  const bool storage = value(id).kind == PickleKind::kTuple && items.size() == 5 &&
                       value(items[0]).text == "storage" &&
                       callee(items[1]) == Callee::kType &&
                       value(items[2]).kind == PickleKind::kText &&
                       value(items[4]).kind == PickleKind::kInt && value(items[4]).integer >= 0;
  if (!storage) {
    refuse("BINPERSID expected (\"storage\", type, key, device, count)");
  }
  std::string key = value(items[2]).text;
  const int64_t count = value(items[4]).integer;
  PickleValue& made = push(PickleKind::kStorage);
  made.text = std::move(key);
  made.integer = count;
  made.items = {items[1]};
}

// Attributes of a dict (a state dict's versions) and of an object do not matter here; nothing else
// has any.
void Machine::build() {
  pop();
  const int32_t target = pop();
  if (value(target).kind != PickleKind::kDict && value(target).kind != PickleKind::kObject) {
    refuse("BUILD sets attributes of something other than a dict or an object");
  }
  stack_.push_back(target);
}

void Machine::check_counts(int32_t index, const char* what) const {
  const PickleValue& counts = value(index);
  const bool good = counts.kind == PickleKind::kTuple &&
                    std::all_of(counts.items.begin(), counts.items.end(), [&](int32_t item) {
                      return value(item).kind == PickleKind::kInt && value(item).integer >= 0;
                    });
  if (!good) {
    refuse(std::string("_rebuild_tensor_v2: its ") + what + " is not a tuple of counts");
  }
}

// (storage, offset, size, stride, requires_grad, hooks[, metadata]).
void Machine::rebuild_tensor(const std::vector<int32_t>& arguments) {
  constexpr size_t kArguments = 6;
  const size_t count = arguments.size();
  const bool known = count == kArguments ||
                     (count == kArguments + 1 && value(arguments[6]).kind == PickleKind::kNone);
  if (!known || value(arguments[0]).kind != PickleKind::kStorage ||
      value(arguments[1]).kind != PickleKind::kInt || value(arguments[1]).integer < 0) {
    refuse("_rebuild_tensor_v2 expected storage, offset, size, stride, requires_grad and hooks");
  }
  check_counts(arguments[2], "size");
  check_counts(arguments[3], "stride");
  if (value(arguments[2]).items.size() != value(arguments[3]).items.size()) {
    refuse("_rebuild_tensor_v2: size and stride have different numbers of axes");
  }
  const int64_t offset = value(arguments[1]).integer;
  PickleValue& made = push(PickleKind::kTensor);
  made.integer = offset;
  made.items = {arguments[0], arguments[2], arguments[3]};
}

// OrderedDict(), Counter(a dict), defaultdict(the type of what is missing). A given dict stays one
// value: copies would cost a hostile pickle nothing.
void Machine::make_dict(const std::string& name, const std::vector<int32_t>& arguments) {
  if (arguments.empty()) {
    push(PickleKind::kDict);
    return;
  }
  const PickleKind kind = value(arguments[0]).kind;
  if (arguments.size() == 1 && kind == PickleKind::kDict) {
    stack_.push_back(arguments[0]);
  } else if (arguments.size() == 1 &&
             (kind == PickleKind::kGlobal || kind == PickleKind::kNone)) {
    push(PickleKind::kDict);
  } else {
    refuse("REDUCE calls " + name + " with arguments, expected none, a dict or a type");
  }
}

// class.__new__(class, ...): `arguments` values after the class.
void Machine::new_object(size_t arguments) {
  const std::vector<int32_t> call = pop_some(1 + arguments);
  const Callee made = callee(call[0]);
  if (made != Callee::kObject && made != Callee::kDict) {
    refuse("NEWOBJ of something other than a dict or a harmless object");
  }
  push(made == Callee::kDict ? PickleKind::kDict : PickleKind::kObject);
}

void Machine::reduce() {
  const std::vector<int32_t> call = pop_some(2);
  const PickleValue& called = value(call[0]);
  if (called.kind != PickleKind::kGlobal || value(call[1]).kind != PickleKind::kTuple) {
    refuse("REDUCE expected a global and a tuple of arguments");
  }
  const std::vector<int32_t> arguments = value(call[1]).items;
  const std::string name = shown(called.text);
  switch (callee(call[0])) {
    case Callee::kNone:
    case Callee::kType:
      refuse("REDUCE calls " + name + ", which is no function");
    case Callee::kDict:
      make_dict(name, arguments);
      return;
    case Callee::kObject:
      push(PickleKind::kObject);
      return;
    case Callee::kSize:
      if (arguments.size() != 1 || value(arguments[0]).kind != PickleKind::kTuple) {
        refuse("REDUCE calls " + name + " without a tuple");
      }
      stack_.push_back(arguments[0]);
      return;
    case Callee::kTensor:
      rebuild_tensor(arguments);
      return;
    case Callee::kParameter:
      if (arguments.size() != 3 || value(arguments[0]).kind != PickleKind::kTensor) {
        refuse("REDUCE calls " + name + " without a tensor");
      }
      stack_.push_back(arguments[0]);
      return;
  }
}

// The opcodes that run; every other one is refused by its name.
struct Opcode {
  uint8_t code;
  void (*run)(Machine& m);
};

using Kind = PickleKind;

constexpr Opcode kOpcodes[] = {
    {0x80, [](Machine& m) { m.begin(m.number<uint8_t>()); }},    // PROTO
    {0x95, [](Machine& m) { m.number<uint64_t>(); }},            // FRAME: only a hint
    {'.', [](Machine& m) { m.stop(); }},                         // STOP
    {'(', [](Machine& m) { m.mark(); }},                         // MARK
    {'N', [](Machine& m) { m.push(Kind::kNone); }},              // NONE
    {0x88, [](Machine& m) { m.push_integer(Kind::kBool, 1); }},  // NEWTRUE
    {0x89, [](Machine& m) { m.push_integer(Kind::kBool, 0); }},  // NEWFALSE
    {'J', [](Machine& m) { m.push_integer(Kind::kInt, m.number<int32_t>()); }},   // BININT
    {'K', [](Machine& m) { m.push_integer(Kind::kInt, m.number<uint8_t>()); }},   // BININT1
    {'M', [](Machine& m) { m.push_integer(Kind::kInt, m.number<uint16_t>()); }},  // BININT2
    {0x8a, [](Machine& m) { m.push_long(m.number<uint8_t>()); }},                 // LONG1
    {0x8b, [](Machine& m) { m.push_long(m.number<uint32_t>()); }},                // LONG4
    {'C', [](Machine& m) { m.push_bytes(m.number<uint8_t>()); }},    // SHORT_BINBYTES
    {'B', [](Machine& m) { m.push_bytes(m.number<uint32_t>()); }},   // BINBYTES
    {0x8e, [](Machine& m) { m.push_bytes(m.number<uint64_t>()); }},  // BINBYTES8
    {0x96, [](Machine& m) { m.push_bytes(m.number<uint64_t>()); }},  // BYTEARRAY8
    {0x8f, [](Machine& m) { m.push(Kind::kObject); }},               // EMPTY_SET
    {0x90, [](Machine& m) { m.extend(Kind::kObject, m.pop_to_mark()); }},  // ADDITEMS
    {0x91,                                                                 // FROZENSET
     [](Machine& m) {
       m.pop_to_mark();
       m.push(Kind::kObject);
     }},
    {0x81, [](Machine& m) { m.new_object(1); }},  // NEWOBJ
    {0x92, [](Machine& m) { m.new_object(2); }},  // NEWOBJ_EX
    {'G',  // BINFLOAT, big-endian
     [](Machine& m) {
       const uint64_t bits = __builtin_bswap64(m.number<uint64_t>());
       m.push(Kind::kFloat).number = std::bit_cast<double>(bits);
     }},
    {'X', [](Machine& m) { m.push_text(m.number<uint32_t>()); }},       // BINUNICODE
    {0x8c, [](Machine& m) { m.push_text(m.number<uint8_t>()); }},       // SHORT_BINUNICODE
    {0x8d, [](Machine& m) { m.push_text(m.number<uint64_t>()); }},      // BINUNICODE8
    {')', [](Machine& m) { m.push(Kind::kTuple); }},                    // EMPTY_TUPLE
    {0x85, [](Machine& m) { m.push_tuple(1); }},                        // TUPLE1
    {0x86, [](Machine& m) { m.push_tuple(2); }},                        // TUPLE2
    {0x87, [](Machine& m) { m.push_tuple(3); }},                        // TUPLE3
    {'t', [](Machine& m) { m.push_marked_tuple(); }},                   // TUPLE
    {']', [](Machine& m) { m.push(Kind::kList); }},                     // EMPTY_LIST
    {'a', [](Machine& m) { m.extend(Kind::kList, m.pop_some(1)); }},    // APPEND
    {'e', [](Machine& m) { m.extend(Kind::kList, m.pop_to_mark()); }},  // APPENDS
    {'}', [](Machine& m) { m.push(Kind::kDict); }},                     // EMPTY_DICT
    {'s', [](Machine& m) { m.extend(Kind::kDict, m.pop_some(2)); }},    // SETITEM
    {'u', [](Machine& m) { m.extend(Kind::kDict, m.pop_to_mark()); }},  // SETITEMS
    {'q', [](Machine& m) { m.remember(m.number<uint8_t>()); }},         // BINPUT
    {'r', [](Machine& m) { m.remember(m.number<uint32_t>()); }},        // LONG_BINPUT
    {0x94, [](Machine& m) { m.remember(m.remembered()); }},             // MEMOIZE
    {'h', [](Machine& m) { m.recall(m.number<uint8_t>()); }},           // BINGET
    {'j', [](Machine& m) { m.recall(m.number<uint32_t>()); }},          // LONG_BINGET
    {'c',                                                               // GLOBAL
     [](Machine& m) {
       const std::string module = m.line();
       m.push_global(module + " " + m.line());
     }},
    {0x93, [](Machine& m) { m.stack_global(); }},  // STACK_GLOBAL
    {'Q', [](Machine& m) { m.persistent(); }},     // BINPERSID
    {'b', [](Machine& m) { m.build(); }},          // BUILD
    {'R', [](Machine& m) { m.reduce(); }},         // REDUCE
};

std::string name_of(uint8_t code) {
  char hexadecimal[8];
  std::snprintf(hexadecimal, sizeof hexadecimal, "0x%02x", code);
  for (const Refused& refused : kRefused) {
    if (refused.code == code) {
      return std::string(refused.name) + " (" + hexadecimal + ")";
    }
  }
  return std::string(hexadecimal) + ", which no pickle has,";
}

Pickle Machine::run() {
  if (bytes_.size() > kMaxPickleBytes) {
    refuse("a pickle of " + std::to_string(bytes_.size()) + " bytes, expected at most " +
           std::to_string(kMaxPickleBytes));
  }
  while (!done_) {
    start_ = at_;
    const auto code = number<uint8_t>();
    const auto* found = std::find_if(
        std::begin(kOpcodes), std::end(kOpcodes), [&](const Opcode& o) { return o.code == code; });
    if (found == std::end(kOpcodes)) {
      refuse("opcode " + name_of(code) + " is not one that a checkpoint of tensors needs");
    }
    if (start_ == 0 && found != std::begin(kOpcodes)) {
      refuse("does not begin with a protocol number: expected a pickle of protocol 2 or later");
    }
    found->run(*this);
  }
  return std::move(pickle_);
}

}  // namespace

Pickle read_pickle(std::span<const std::byte> bytes, const std::string& source) {
  return Machine(bytes, source).run();
}

}  // namespace ligero
