#include "data/pickle.h"

#include "test/data/pickle_bytes.h"
#include "test/data/temporary.h"

namespace fr {
namespace {

using namespace std::string_literals;
using pickle::Kind;

pickle::Document parse(const std::string& bytes) {
  return pickle::read({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, "set.bin");
}
// As in Python's repr, for numbers, strings, lists, tuples and arrays.
std::string show(const pickle::Document& d, const pickle::Value& v) {
  std::string inside;
  switch (v.kind) {
    case Kind::none:
      return "None";
    case Kind::boolean:
      return v.number ? "True" : "False";
    case Kind::integer:
      return std::to_string(v.number);
    case Kind::bytes:
      return "b'" + std::string(v.bytes) + "'";
    case Kind::text:
      return "'" + std::string(v.bytes) + "'";
    case Kind::array:
      return "array(" + std::string(d.array(v).data) + ")";
    case Kind::dtype:
      return "dtype";
    case Kind::global:
      return "global";
    case Kind::list:
    case Kind::tuple:
      break;
  }
  for (const pickle::Value& item : d.items(v)) inside += (inside.empty() ? "" : ", ") + show(d, item);
  return (v.kind == Kind::list ? "[" : "(") + inside + (v.kind == Kind::list ? "]" : ")");
}
std::string shown(const std::string& bytes) {
  const pickle::Document d = parse(bytes);
  return show(d, d.value);
}
void refused(const std::string& bytes, const std::string& part) { EXPECT_ERROR(data, part, parse(bytes)); }

TEST(Pickle, GoldenOfPythonTwo) {
  const std::string golden =
      "\x80\x02]q\x01(U\x03"
      "abcq\x02T\x03\0\0\0defq\x03"
      "e]q\x04\x88"
      "a\x86q\x05."s;
  EXPECT_EQ(shown(golden), "([b'abc', b'def'], [True])");
}

TEST(Pickle, PlainValuesOfEveryProtocol) {
  const std::string empty_list = "]", empty_tuple = ")";
  EXPECT_EQ(shown(proto(2) + "N."), "None");
  EXPECT_EQ(shown(proto(2) + "(K\x07M\x01\x02J\xfe\xff\xff\xff\x8a\x02\x00\xff\x8a\x00t."s),
            "(7, 513, -2, -256, 0)");
  EXPECT_EQ(shown(proto(2) + "(\x88\x89l."), "[True, False]");
  EXPECT_EQ(shown(proto(2) + empty_tuple + empty_list + kPair + "."), "((), [])");
  EXPECT_EQ(shown(proto(2) + "K\x01\x85K\x02K\x03K\x04\x87\x86."), "((1), (2, 3, 4))");
  EXPECT_EQ(shown(proto(3) + sized('B', 4, "long") + "."), "b'long'");
  EXPECT_EQ(shown(proto(4) + "\x95" + little_endian(9, 8) + sized('\x8e', 8, "eight") + "\x94."), "b'eight'");
  EXPECT_EQ(shown(proto(5) + sized('\x96', 8, "array") + "."), "b'array'");
  EXPECT_EQ(shown(proto(4) + sized('\x8c', 1, "text") + "."), "'text'");
}

TEST(Pickle, RememberedValuesAreShared) {
  EXPECT_EQ(shown(proto(2) + "](" + short_bytes("x") + "q\x05h\x05r\x01\x02\0\0j\x01\x02\0\0e."s),
            "[b'x', b'x', b'x']");
  const pickle::Document d = parse(proto(4) + "]\x94(" + short_bytes("x") +
                                   "\x94h\x01"
                                   "e.");
  EXPECT_EQ(d.items(d.value)[0].bytes.data(), d.items(d.value)[1].bytes.data());
  refused(proto(2) + "h\x01.", "value 1 was never remembered at offset 2");
  refused(proto(2) + "q\x01.", "empty stack at offset 2");
}

TEST(Pickle, BytesOfPythonThreeInProtocolTwo) {
  EXPECT_EQ(shown(proto(2) + latin1_bytes("a\xc3\xbf\xc2\x80z") + "."), "b'a\xff\x80z'");
  refused(proto(2) + latin1_bytes("\xc4\x80") + ".", "not Latin-1");
  refused(proto(2) + latin1_bytes("\xc3") + ".", "not Latin-1");
  refused(proto(2) + latin1_bytes("\xc1\x80") + ".", "not Latin-1");
  refused(proto(2) + global("_codecs", "encode") + unicode("x") + unicode("rot13") + "\x86R.",
          "_codecs.encode");
  // One text encoded again and again: the file would grow in memory.
  std::string bomb = proto(2) + "(" + unicode(std::string(1000, 'x')) + "q\x01" + unicode("latin1") +
                     "q\x02" + global("_codecs", "encode") + "q\x03";
  for (int i = 0; i < 5; ++i) bomb += "h\x03h\x01h\x02\x86R";
  refused(bomb + "t.", "more encoded text than the file has bytes");
}

TEST(Pickle, NumpyArrays) {
  for (const char* module : {"numpy.core.multiarray", "numpy._core.multiarray"}) {
    EXPECT_EQ(shown(proto(3) + numpy_array("K\x03\x85", "u1", short_bytes("abc"), module) + "."),
              "array(abc)");
    EXPECT_EQ(shown(proto(3) + numpy_array("K\x02K\x01\x86", "b1", short_bytes("ab"), module) + "."),
              "array(ab)");
  }
  const std::string buffer = global("numpy._core.numeric", "_frombuffer") + "(" + sized('\x96', 8, "xyz") +
                             numpy_dtype("u1") + "K\x03\x85" + sized('\x8c', 1, "C") + "tR";
  EXPECT_EQ(shown(proto(5) + buffer + "."), "array(xyz)");
  EXPECT_EQ(
      shown(proto(2) + "(" + numpy_scalar("b1", 1) + numpy_scalar("b1", 0) + numpy_scalar("u1", 9) + "t."),
      "(True, False, 9)");
}

TEST(Pickle, NumpyThatIsNotBytes) {
  const auto array = [](const std::string& shape, const std::string& type, const std::string& data) {
    return proto(3) + numpy_array(shape, type, short_bytes(data)) + ".";
  };
  refused(array("K\x03\x85", "u1", "ab"), "a numpy array of 3 elements in 2 bytes");
  refused(array("K\x03\x85", "O8", "abc"), "a numpy dtype 'O8': only u1 and b1 are read");
  refused(array("K\x03\x85", "f4", "abc"), "a numpy dtype 'f4'");
  refused(array("J\xff\xff\xff\xff\x85", "u1", "a"), "numpy shape of an unknown form");
  const std::string huge = "\x8a\x08" + little_endian(uint64_t{1} << 62, 8);
  refused(array("K\x01K\x01K\x01\x87", "u1", "a"), "numpy shape of an unknown form");
  refused(array(huge + huge + "\x86", "u1", "a"), "a numpy shape too large");
  refused(array("K\x03", "u1", "abc"), "numpy array of an unknown form");
  std::string fortran = array("K\x03\x85", "u1", "abc");
  fortran[fortran.rfind('\x89')] = '\x88';
  refused(fortran, "numpy state of an unknown form");
  const std::string once = numpy_array("K\x01\x85", "u1", short_bytes("a"));
  refused(proto(3) + once + once.substr(once.find("(K\x01K\x01")) + ".", "a second state");
  refused(proto(3) + global("numpy", "ndarray") + ")R.", "a call of numpy.ndarray");
  refused(proto(3) + "K\x01)R.", "a call of an unknown form");
  refused(proto(3) + "K\x01)b.", "a state of an unknown form");
}

TEST(Pickle, NothingIsExecuted) {
  const char* const runs = "the file would run code under Python";
  refused(proto(2) + global("os", "system") + unicode("true") + "\x85R.",
          "unsupported opcode 0x63 of 'os.system' at offset 2: "s + runs);
  refused(proto(4) + sized('\x8c', 1, "builtins") + sized('\x8c', 1, "eval") + "\x93.",
          "unsupported opcode 0x93 of 'builtins.eval' at offset 18: "s + runs);
  refused(proto(2) + global("numpy", "load") + ".", runs);
  refused(proto(2) + global("_codecs", "lookup") + ".", runs);
  for (const char op : "ioPQ\x81\x82\x83\x84\x92"s) {
    const std::string message = error_of([&] { parse(proto(2) + op + "."); });
    EXPECT_NE(message.find("at offset 2: "s + runs), std::string::npos) << message;
  }
}

TEST(Pickle, EveryOtherOpcodeIsRefused) {
  const std::string known = "(.]ael)tNJKMUTCBXqrhjcRb\x85\x86\x87\x88\x89\x8a\x8c\x8e\x93\x94\x95\x96"s;
  for (int op = 0; op < 256; ++op) {
    if (known.find(static_cast<char>(op)) != std::string::npos) continue;
    const std::string message = error_of([&] { parse(proto(2) + "N" + static_cast<char>(op) + "."); });
    EXPECT_NE(message.find("set.bin: unsupported opcode 0x"), std::string::npos) << op << message;
    EXPECT_NE(message.find(" at offset 3"), std::string::npos) << message;
  }
}

TEST(Pickle, DamagedFiles) {
  refused("", "no pickle of protocol 2 to 5");
  refused("(lp0\n.", "no pickle of protocol 2 to 5");
  refused(proto(1) + "N.", "protocol 1, 2 to 5 expected");
  refused(proto(6) + "N.", "protocol 6");
  refused(proto(2), "the file is cut off: 1 bytes expected, 0 left at offset 2");
  refused(proto(3) + "B\x05\0\0\0abc"s, "the file is cut off: 5 bytes expected, 3 left");
  refused(proto(2) + "T\xff\xff\xff\xff.", "a string of 4294967295 bytes, at most 67108864");
  refused(proto(4) + "\x8e" + little_endian(~uint64_t{0}, 8), "a string of");
  refused(proto(2) + ".", "empty stack");
  refused(proto(2) + "\x86.", "empty stack");
  refused(proto(2) + "N(\x85.", "empty stack");  // a tuple may not reach below the mark
  refused(proto(2) + "N(.", "empty stack");
  refused(proto(2) + "NN.", "more than one value");
  refused(proto(2) + "N.x", "1 bytes after the end");
  refused(proto(2) + "e.", "a mark is missing");
  refused(proto(2) + "NNa.", "appended to what is no list");
  refused(proto(2) + "](Na.", "appended to what is no list");
  refused(proto(2) + "\x8a\x09" + std::string(9, 'x') + ".", "an integer of 9 bytes, at most 8");
  refused(proto(2) + "cos", "a name without an end");
  refused(proto(2) + "c" + std::string(300, 'x') + "\n\n.", "a name without an end");
  refused(proto(4) + "NN\x93.", "a global without a name");
}

TEST(Pickle, Limits) {
  refused(proto(2) +
              "]q\x01h\x01"
              "a.",
          "a list that changes after it was stored");  // holds itself
  refused(proto(2) +
              "]q\x01]q\x02h\x01"
              "ah\x02"
              "a.",
          "a list that changes after it was stored");  // two that hold each other
  const auto nested = [](int depth) {
    return proto(2) + std::string(size_t(depth), ']') + std::string(size_t(depth - 1), 'a') + ".";
  };
  EXPECT_EQ(shown(nested(8)), "[[[[[[[[]]]]]]]]");
  refused(nested(9), "lists nested deeper than 8");
  refused(proto(2) + std::string(1'000'001, 'N'), "more than 1000000 values on the stack");
  refused(proto(2) + std::string(1'000'001, '('), "more than 1000000 values on the stack");
  std::string lists = proto(2) + "]";
  for (int i = 0; i < 1'000'000; ++i) lists += "]a";
  refused(lists + ".", "more than 1000000 lists");
  std::string many = proto(2) + "]";
  for (int i = 0; i < 5'000'001; ++i) many += "Na";
  refused(many + ".", "more than 10000000 opcodes");
}

TEST(
    Pickle,
    KeysOfTheMemoAreTheFiles) {  // the largest costs no more than the smallest, and none can be made to collide
  EXPECT_EQ(shown(proto(2) + "Kxr\xff\xff\xff\xff\x85j\xff\xff\xff\xff\x86."), "((120), 120)");
  std::string same_bucket = proto(2) + "(N";
  for (uint64_t i = 0; i < 60'000; ++i)
    same_bucket += "r" + little_endian(62'233 * i, 4);  // a prime of hash tables
  for (int i = 0; i < 300'000; ++i) same_bucket += "j" + little_endian(0, 4);
  const pickle::Document d = parse(same_bucket + "t.");
  EXPECT_EQ(d.items(d.value).size(), 300'001u);
}

}  // namespace
}  // namespace fr
