// SPDX-License-Identifier: Apache-2.0
// The pickle reader: data comes back, code and nonsense are refused by offset and name.
#include "converter/import/pickle.h"

#include <doctest/doctest.h>

#include "tests/converter/archive.h"
#include "tests/converter/refusals.h"

namespace ligero::testing {
namespace {

using pickle::global;
using pickle::kProto;

Pickle read(const std::string& text) {
  return read_pickle(bytes_of_text(text), "x.pt");
}

std::string refusal(const std::string& text) {
  return refusal_by([&] { read(text); });
}

}  // namespace

TEST_CASE("pickle: scalars of every width") {
  const Pickle p =
      read(kProto + "(" + "K\xff" + "M\xff\xff" + "J\xff\xff\xff\xff" + std::string("\x8a\x00", 2) +
           "\x8a\x01\x80" + std::string("\x8a\x02\x00\x01", 4) + std::string("\x8a\x09", 2) +
           std::string(9, '\x11') + "N\x88\x89" + std::string("G\x3f\xf8\0\0\0\0\0\0", 9) +
           "\x8c\x02hi" + "t.");
  const PickleValue& root = p.at(p.root);
  REQUIRE(root.kind == PickleKind::kTuple);
  const auto item = [&](size_t i) -> const PickleValue& { return p.at(root.items.at(i)); };
  CHECK(item(0).integer == 255);
  CHECK(item(1).integer == 65535);
  CHECK(item(2).integer == -1);
  CHECK(item(3).integer == 0);
  CHECK(item(4).integer == -128);
  CHECK(item(5).integer == 256);
  CHECK(item(6).kind == PickleKind::kBigInt);
  CHECK(item(7).kind == PickleKind::kNone);
  CHECK(item(8).integer == 1);
  CHECK(item(9).integer == 0);
  CHECK(item(10).number == 1.5);
  CHECK(item(11).text == "hi");
}

TEST_CASE("pickle: containers, memo, an OrderedDict with attributes, a list that holds itself") {
  const Pickle p =
      read(kProto + global("collections", "OrderedDict") + std::string(")Rq\0(", 5) +
           pickle::text("a") + "K\x07" + pickle::text("b") + std::string("]\x94h\0", 4) +
           "\x86h\x01" + "\x86u}(" + pickle::text("_metadata") + "Nub.");
  const PickleValue& root = p.at(p.root);
  REQUIRE(root.kind == PickleKind::kDict);
  REQUIRE(root.items.size() == 4);
  CHECK(p.at(root.items[1]).integer == 7);
  const PickleValue& outer = p.at(root.items[3]);
  REQUIRE(outer.items.size() == 2);
  CHECK(p.at(outer.items[0]).items[1] == p.root);
  CHECK(p.at(outer.items[1]).kind == PickleKind::kList);
  const Pickle knot = read(kProto + "]q\x01h\x01" + "a.");
  CHECK(knot.at(knot.root).items == std::vector<int32_t>{knot.root});
}

TEST_CASE("pickle: a code-running global is refused by name and offset") {
  const std::string message =
      refusal(kProto + global("os", "system") + pickle::text("echo pwned") + "\x85R.");
  CHECK(has(message, "x.pt, byte 2: global os.system"));
  CHECK(has(refusal(kProto + pickle::text("builtins") + pickle::text("eval") + "\x93."),
            "global builtins.eval"));
  CHECK(has(refusal(kProto + global("torch", "FloatStorage.") + "."), "torch.FloatStorage."));
  CHECK(has(refusal(kProto + "cos\x1b[2J\nsystem\n."), "global os?[2J.system"));
}

TEST_CASE("pickle: harmless objects are passed over, and what stands beside them comes back") {
  const std::string dtype = global("numpy", "dtype") + pickle::text("f8") + "\x89\x88\x87R(K\x03" +
                            pickle::text("<") + "NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK" +
                            std::string(1, '\0') + "tb";
  const std::string scalar = global("numpy.core.multiarray", "scalar") + dtype +
                             "C\x08" + std::string(8, '\0') + "\x86R";
  const std::string encoded =
      global("_codecs", "encode") + pickle::text("x") + pickle::text("latin1") + "\x86R";
  const std::string space =
      global("argparse", "Namespace") + ")\x81}" + pickle::text("lr") + "K\x01sb";
  const std::string with_keywords = global("types", "SimpleNamespace") + ")}\x92";
  const std::string path = global("pathlib", "PosixPath") + pickle::text("/") + "\x85R";
  const std::string set = "\x8f(K\x01K\x02\x90";
  const std::string frozen = "(K\x01\x91";
  const std::string old_set = global("__builtin__", "set") + "]K\x01" + "a\x85R";
  for (const std::string& object :
       {scalar, encoded, space, with_keywords, path, set, frozen, old_set}) {
    CAPTURE(object);
    const Pickle p = read(kProto + pickle::dict({{"a", object}, {"b", "K\x07"}}) + ".");
    const PickleValue& root = p.at(p.root);
    REQUIRE(root.items.size() == 4);
    CHECK(p.at(root.items[1]).kind == PickleKind::kObject);
    CHECK(p.at(root.items[3]).integer == 7);
  }
  const std::string counter =
      global("collections", "Counter") + pickle::dict({{"k", "K\x07"}}) + "\x85R";
  const std::string by_default = global("collections", "defaultdict") + global("builtins", "list") +
                                 "\x85R" + pickle::text("k") + "K\x07s";
  for (const std::string& dict : {counter, by_default}) {
    const Pickle p = read(kProto + dict + ".");
    REQUIRE(p.at(p.root).kind == PickleKind::kDict);
    CHECK(p.at(p.at(p.root).items.at(1)).integer == 7);
  }
  CHECK(has(refusal(kProto + global("builtins", "getattr") + "."), "global builtins.getattr"));
  CHECK(has(refusal(kProto + global("numpy", "load") + "."), "global numpy.load"));
}

TEST_CASE("pickle: opcodes off the list are refused by name and offset") {
  CHECK(has(refusal(kProto + "NN\x81."), "byte 4: NEWOBJ of something other"));
  CHECK(has(refusal(kProto + "N0."), "byte 3: opcode POP (0x30)"));
  CHECK(has(refusal(kProto + "(ios\nsystem\n."), "byte 3: opcode INST (0x69)"));
  CHECK(has(refusal(kProto + "P1\n."), "opcode PERSID (0x50)"));
  CHECK(has(refusal(kProto + "\x82\x01."), "opcode EXT1 (0x82)"));
  CHECK(has(refusal(kProto + "\xfe."), "opcode 0xfe, which no pickle has,"));
}

TEST_CASE("pickle: calls build what they should or are refused") {
  const std::string dict = global("collections", "OrderedDict");
  CHECK(has(refusal(kProto + dict + "K\x01\x85R."), "collections.OrderedDict with arguments"));
  CHECK(has(refusal(kProto + "N)R."), "REDUCE expected a global"));
  CHECK(has(refusal(kProto + global("torch", "FloatStorage") + ")R."), "which is no function"));
  CHECK(has(refusal(kProto + global("torch._utils", "_rebuild_tensor_v2") + ")R."),
            "expected storage, offset"));
  CHECK(has(refusal(kProto + global("torch._utils", "_rebuild_parameter") + "N\x85R."),
            "without a tensor"));
  CHECK(has(refusal(kProto + pickle::tensor("0", 4, {2, 2}, {2}) + "."), "numbers of axes"));
  CHECK(has(refusal(kProto + pickle::tensor("0", 4, {-2}, {1}) + "."), "not a tuple of counts"));
  CHECK(has(refusal(kProto + pickle::tensor("0", 4, {2}, {1}, -1) + "."), "expected storage"));
  CHECK(has(refusal(kProto + pickle::tensor("0", -4, {2}, {1}) + "."), "BINPERSID expected"));
  CHECK(has(refusal(kProto + "N}b."), "BUILD sets attributes of something other"));
  CHECK(has(refusal(kProto + "NQ."), "BINPERSID expected"));
}

TEST_CASE("pickle: a machine misused is refused") {
  CHECK(has(refusal(""), "ends at 0"));
  CHECK(has(refusal("N."), "does not begin with a protocol"));
  CHECK(has(refusal("\x80\x01N."), "protocol 1, expected 2 to 5"));
  CHECK(has(refusal(kProto + "N\x80\x02."), "once and first"));
  CHECK(has(refusal(kProto + "."), "a stack of 0"));
  CHECK(has(refusal(kProto + "NN."), "1 values and 0 bytes left over"));
  CHECK(has(refusal(kProto + "N.N"), "0 values and 1 bytes left over"));
  CHECK(has(refusal(kProto + "N(."), "a stack of 0"));
  CHECK(has(refusal(kProto + "Nt."), "no mark"));
  CHECK(has(refusal(kProto + "N(\x85."), "a stack of 0"));
  CHECK(has(refusal(kProto + "h\x05."), "nothing was remembered as 5"));
  CHECK(has(refusal(kProto + "](NNNa."), "expected a list"));
  CHECK(has(refusal(kProto + "}(Nu."), "pairs of key and value"));
  CHECK(has(refusal(kProto + "X\xff\xff\xff\xffx"), "needs 4294967295 bytes more"));
}

TEST_CASE("pickle: a million empty tuples are held, five million refused") {
  CHECK(has(refusal(kProto + std::string(5'000'000, ')')), "more than 4194304 values"));
}

TEST_CASE("pickle: every truncation is refused, every flipped byte refused or read") {
  const std::string whole =
      kProto + pickle::dict({{"w", pickle::tensor("0", 4, {2, 2}, {2, 1})}, {"n", "K\x01"}}) + ".";
  CHECK(refusal(whole) == "");
  for (size_t size = 0; size < whole.size(); ++size) {
    CHECK(refusal(whole.substr(0, size)) != "");
  }
  for (size_t at = 0; at < whole.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(value);
      (void)refusal(damaged);
    }
  }
}

}  // namespace ligero::testing
