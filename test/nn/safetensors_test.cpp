// safetensors: the golden header, round trips, and every kind of file the reader must refuse.
#include "nn/safetensors.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "base/philox.h"

namespace fr {
namespace {

std::vector<uint8_t> file_of(const std::string& header, size_t data_bytes, uint64_t claimed) {
  std::vector<uint8_t> bytes(8 + header.size() + data_bytes);
  std::memcpy(bytes.data(), &claimed, 8);
  std::copy(header.begin(), header.end(), bytes.begin() + 8);
  return bytes;
}
std::vector<uint8_t> file_of(const std::string& header, size_t data_bytes = 0) {
  return file_of(header, data_bytes, header.size());
}

Safetensors parse(const std::vector<uint8_t>& bytes) { return parse_safetensors(bytes, "test.safetensors"); }

// "" when accepted, otherwise the message of the Error{data}; anything else thrown fails the test.
std::string refusal(const std::vector<uint8_t>& bytes, const SafetensorsLimits& limits = {}) {
  try {
    parse_safetensors(bytes, "test.safetensors", limits);
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::data);
    EXPECT_NE(std::string(e.what()).find("test.safetensors"), std::string::npos) << e.what();
    return e.what();
  }
  return {};
}

class Folder : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::temp_directory_path() / cat("prosopon-", info->name(), "-", ::getpid());
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  fs::path path(const std::string& name) const { return folder_ / name; }

 private:
  fs::path folder_;
};
using SafetensorsFile = Folder;

const char kGolden[] = R"({"test":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}})";

TEST(SafetensorsGolden, TheHeaderOfTheSpecificationIsRead) {
  EXPECT_EQ(std::string(kGolden).size(), 60u);
  const Safetensors s = parse(file_of(kGolden, 16));
  ASSERT_EQ(s.tensors.size(), 1u);
  EXPECT_EQ(s.tensors.at("test").shape(), (Shape{2, 2}));
  EXPECT_EQ(s.tensors.at("test").host<double>(), std::vector<double>(4, 0));
  std::string i32 = kGolden;
  i32.replace(i32.find("F32"), 3, "I32");
  EXPECT_NE(refusal(file_of(i32, 16))
                .find("tensor \"test\": expected dtype F32, F64, I64, F16 or BF16, got \"I32\""),
            std::string::npos);
}

TEST_F(SafetensorsFile, WithoutChecksumsTheWriterGivesTheGoldenBytes) {
  write_safetensors(path("g"), {{"test", Tensor::zeros({2, 2})}}, {}, Integrity::none);
  EXPECT_EQ(read_file(path("g")), file_of(std::string(kGolden) + "    ", 16))
      << "padded to a multiple of eight";
}

Tensor random_tensor(const Shape& shape, DType type, uint32_t stream) {
  Random random({1, Purpose::test, 2, stream});
  Tensor t(shape, type);
  for (int64_t i = 0; i < t.size(); ++i) {
    if (type == DType::float32)
      t.as<float>()[i] = float(random.normal());
    else if (type == DType::float64)
      t.as<double>()[i] = random.normal();
    else
      t.as<int64_t>()[i] = int64_t((uint64_t{random.bits()} << 32) | random.bits());
  }
  return t;
}

NamedTensors sample() {
  NamedTensors t;
  t["conv.weight"] = random_tensor({3, 2, 2, 5}, DType::float32, 1);
  t["scalar"] = random_tensor({}, DType::float64, 2);
  t["empty"] = random_tensor({4, 0, 2}, DType::float32, 3);
  t["labels"] = random_tensor({7}, DType::int64, 4);
  t["name with \"quotes\", \\ and \xce\xb1"] = random_tensor({1}, DType::float32, 5);
  t["a"] = random_tensor({5}, DType::float64, 6);
  const float inf = std::numeric_limits<float>::infinity();
  t["special"] = Tensor::from<float>({inf, -inf, std::nanf(""), -0.0f, 1e-45f}, {5});
  return t;
}

void expect_equal(const NamedTensors& a, const NamedTensors& b) {
  ASSERT_EQ(a.size(), b.size());
  for (const auto& [name, t] : a) {
    ASSERT_TRUE(b.count(name)) << name;
    const Tensor& u = b.at(name);
    EXPECT_EQ(t.shape(), u.shape()) << name;
    ASSERT_EQ(t.dtype(), u.dtype()) << name;
    EXPECT_EQ(std::memcmp(t.data(), u.data(), t.bytes()), 0) << name;
  }
}

TEST_F(SafetensorsFile, RoundTrip) {
  const Metadata metadata = {{"step", "120"}, {"config", "line 1\nline \"2\"\t\xce\xb2"}, {"", "empty key"}};
  for (Integrity integrity : {Integrity::none, Integrity::crc32c}) {
    write_safetensors(path("r"), sample(), metadata, integrity);
    const Safetensors s = read_safetensors(path("r"));
    expect_equal(sample(), s.tensors);
    EXPECT_EQ(s.metadata, metadata) << "checksums are not shown";
  }
  write_safetensors(path("none"), {});
  EXPECT_TRUE(read_safetensors(path("none")).tensors.empty());
}

TEST_F(SafetensorsFile, OrderAndAlignment) {
  write_safetensors(path("o"), sample());
  const std::vector<uint8_t> bytes = read_file(path("o"));
  uint64_t N;
  std::memcpy(&N, bytes.data(), 8);
  EXPECT_EQ(N % 8, 0u);
  const std::string header(bytes.begin() + 8, bytes.begin() + 8 + long(N));
  size_t at = 0;
  for (const char* name : {"\"a\":{", "\"labels\":{", "\"scalar\":{", "\"conv.weight\":{", "\"empty\":{"}) {
    const size_t found = header.find(name);
    ASSERT_NE(found, std::string::npos) << name;
    EXPECT_GT(found, at) << "eight-byte types first, then by name: " << name;
    at = found;
  }
}

TEST(Safetensors, HalfTypesAreWidened) {
  const uint16_t half[] = {0x0000, 0x8000, 0x3c00, 0xc000, 0x7bff, 0x0400,
                           0x0001, 0x03ff, 0x7c00, 0xfc00, 0x3555};
  const float expected[] = {0,        -0.0f,           1,        -2,        65504,          0x1p-14f,
                            0x1p-24f, 1023 * 0x1p-24f, INFINITY, -INFINITY, 0.333251953125f};
  auto bytes = file_of(R"({"h":{"dtype":"F16","shape":[11],"data_offsets":[0,22]}})", 22);
  std::memcpy(bytes.data() + bytes.size() - 22, half, 22);
  const Tensor h = parse(bytes).tensors.at("h");
  ASSERT_EQ(h.dtype(), DType::float32);
  EXPECT_EQ(std::memcmp(h.data(), expected, sizeof expected), 0);
  const uint16_t brain[] = {0x3f80, 0xc049, 0x7f80};
  bytes = file_of(R"({"b":{"dtype":"BF16","shape":[3],"data_offsets":[0,6]}})", 6);
  std::memcpy(bytes.data() + bytes.size() - 6, brain, 6);
  EXPECT_EQ(parse(bytes).tensors.at("b").host<double>(), (std::vector<double>{1, -3.140625, INFINITY}));
}

std::string entry(const std::string& shape, const std::string& offsets, const std::string& type = "F32") {
  return R"({"t":{"dtype":")" + type + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
}

struct Refused {
  const char* what;  // part of the message
  std::vector<uint8_t> bytes;
};

std::vector<Refused> refused_files() {
  const std::string ok = entry("[1]", "[0,4]"), big = std::to_string(uint64_t{1} << 63);
  const std::string two =
      R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":)";
  std::vector<Refused> all = {
      {"at least 8 bytes", {}},
      {"at least 8 bytes", {1, 0, 0, 0, 0, 0, 0}},
      {"expected a header", file_of("")},
      {"header of at most", file_of(ok, 4, uint64_t{17} << 20)},
      {"header of at most", file_of(ok, 4, ~uint64_t{0})},
      {"the header claims", file_of(ok, 4, ok.size() + 5)},
      {"followed by spaces", file_of(" " + ok, 4)},
      {"followed by spaces", file_of("\xef\xbb\xbf" + ok, 4)},
      {"followed by spaces", file_of(ok + "\n", 4)},
      {"followed by spaces", file_of(ok + std::string(1, '\0'), 4)},
      {"followed by spaces", file_of("[]")},
      {"not JSON", file_of("{}}")},
      {"not JSON", file_of(ok + ok, 4)},
      {"not JSON", file_of(R"({"t":{"dtype":"F32",}})")},
      {"not JSON", file_of("{/* comment */}")},
      {"not JSON", file_of("{\"\xff\":{}}")},
      {"not JSON", file_of("{\"t\nu\":{}}")},
      {"not JSON", file_of(entry("[01]", "[0,4]"), 4)},
      {"not JSON", file_of(entry("[NaN]", "[0,4]"), 4)},
      {"appears twice",
       file_of(
           R"({"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
           4)},
      {"appears twice",
       file_of(R"({"t":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4)},
      {"appears twice", file_of(R"({"__metadata__":{"a":"1","\u0061":"2"}})")},
      {"nested deeper", file_of(R"({"t":{"dtype":"F32","shape":[[[1]]],"data_offsets":[0,4]}})", 4)},
      {"nested deeper", file_of("{\"t\":" + std::string(100000, '[') + "}")},
      {"to be an object", file_of(R"({"__metadata__":null})")},
      {"to be an object", file_of(R"({"__metadata__":["a"]})")},
      {"to be a string", file_of(R"({"__metadata__":{"step":3}})")},
      {"exactly dtype", file_of(R"({"t":3})")},
      {"exactly dtype", file_of(R"({"t":{"dtype":"F32","shape":[1]}})", 4)},
      {"exactly dtype", file_of(R"({"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"note":""}})", 4)},
      {"dtype to be a string", file_of(R"({"t":{"dtype":1,"shape":[1],"data_offsets":[0,4]}})", 4)},
      {"expected a shape", file_of(entry("1", "[0,4]"), 4)},
      {"expected a shape", file_of(entry("[1,1,1,1,1,1,1,1,1]", "[0,4]"), 4)},
      {"integers from 0", file_of(entry("[-1]", "[0,4]"), 4)},
      {"integers from 0", file_of(entry("[-0]", "[0,0]"), 0)},
      {"integers from 0", file_of(entry("[1.0]", "[0,4]"), 4)},
      {"integers from 0", file_of(entry("[1e0]", "[0,4]"), 4)},
      {"integers from 0", file_of(entry("[\"1\"]", "[0,4]"), 4)},
      {"integers from 0", file_of(entry("[" + big + "]", "[0,4]"), 4)},
      {"integers from 0", file_of(entry("[99999999999999999999]", "[0,4]"), 4)},
      {"integers from 0", file_of(entry("[1]", "[0," + big + "]"), 4)},
      {"integers from 0", file_of(entry("[1]", "[true,4]"), 4)},
      {"two data_offsets", file_of(entry("[1]", "[0,2,4]"), 4)},
      {"two data_offsets", file_of(entry("[1]", "4"), 4)},
      {"needs 4 bytes", file_of(entry("[1]", "[4,0]"), 4)},
      {"needs 4 bytes", file_of(entry("[1]", "[0,8]"), 8)},
      {"needs 8 bytes", file_of(entry("[1]", "[0,4]", "F64"), 4)},
      {"overflows", file_of(entry("[4194305,4194305,211106198978564]", "[0,16]"), 16)},
      {"overflows", file_of(entry("[4611686018427387904]", "[0,0]"), 0)},
      {"(hole)", file_of(entry("[1]", "[4,8]"), 8)},
      {"(hole)", file_of(two + "[8,12]}}", 12)},
      {"(overlap)", file_of(two + "[0,4]}}", 4)},
      {"(overlap)", file_of(two + "[2,6]}}", 6)},
      {"the tensors end at 4", file_of(ok, 5)},
      {"the tensors end at 4", file_of(ok, 3)},
      {"the tensors end at 0", file_of("{}", 1)},
      {"without NUL", file_of(R"({"a\u0000b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4)},
      {"at most 1024 bytes",
       file_of("{\"" + std::string(1025, 'x') + R"(":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4)},
  };
  for (const char* type :
       {"BOOL", "U8", "I8", "I16", "U16", "I32", "U32", "U64", "F8_E4M3", "F8_E5M2", "C64", "f32", ""})
    all.push_back({"expected dtype", file_of(entry("[1]", "[0,4]", type), 4)});
  return all;
}

TEST(Safetensors, EveryMalformedFileIsRefusedForItsReason) {
  EXPECT_EQ(refusal(file_of(entry("[1]", "[0,4]"), 4)), "") << "the pattern the others break is accepted";
  EXPECT_EQ(refusal(file_of("{}   ")), "");
  int i = 0;
  for (const Refused& r : refused_files()) {
    const std::string e = refusal(r.bytes);
    EXPECT_NE(e.find(r.what), std::string::npos)
        << "file " << i << ": expected '" << r.what << "', got '" << e << "'";
    ++i;
  }
}

TEST(Safetensors, LimitsHold) {
  SafetensorsLimits limits;
  limits.tensors = 1;
  const std::string two =
      R"({"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"b":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}})";
  EXPECT_EQ(refusal(file_of(two)), "");
  EXPECT_NE(refusal(file_of(two), limits).find("at most 1 tensors"), std::string::npos);
  limits = {};
  limits.header_bytes = 10;
  EXPECT_NE(refusal(file_of(two), limits).find("at most 10 bytes"), std::string::npos);
}

TEST_F(SafetensorsFile, EveryTruncationIsRefused) {
  for (Integrity integrity : {Integrity::none, Integrity::crc32c}) {
    write_safetensors(path("t"), sample(), {{"step", "1"}}, integrity);
    const std::vector<uint8_t> bytes = read_file(path("t"));
    for (size_t i = 0; i < 64; ++i) {
      const std::vector<uint8_t> cut(bytes.begin(), bytes.begin() + long(bytes.size() * i / 64));
      EXPECT_NE(refusal(cut), "") << i << "/64";
    }
    EXPECT_NE(refusal({bytes.begin(), bytes.end() - 1}), "");
  }
}

TEST_F(SafetensorsFile, EverySingleBitFlipIsFound) {
  write_safetensors(path("f"), sample(), {{"step", "1"}, {"config", "a = 1\nb = 2"}});
  const std::vector<uint8_t> good = read_file(path("f"));
  ASSERT_EQ(refusal(good), "");
  Random random({3, Purpose::test, 0, 0});
  for (int i = 0; i < 1000; ++i) {
    std::vector<uint8_t> bad = good;
    const uint32_t bit = random.below(uint32_t(8 * good.size()));
    bad[bit / 8] ^= uint8_t(1u << (bit % 8));
    EXPECT_NE(refusal(bad), "") << "bit " << bit % 8 << " of byte " << bit / 8;
  }
  uint64_t N;
  std::memcpy(&N, good.data(), 8);
  for (size_t bit = 0; bit < 8 * (8 + N); ++bit) {  // the length and the header: every bit of them
    std::vector<uint8_t> bad = good;
    bad[bit / 8] ^= uint8_t(1u << (bit % 8));
    ASSERT_NE(refusal(bad), "") << "bit " << bit % 8 << " of byte " << bit / 8;
  }
}

TEST_F(SafetensorsFile, ChecksumsComeAllOrNone) {
  EXPECT_NE(refusal(file_of(R"({"__metadata__":{"crc32c.t":"00000000"}})")).find("checksum is missing"),
            std::string::npos);
  EXPECT_NE(refusal(file_of(R"({"__metadata__":{"crc32c":"00000000"}})")).find("the header is damaged"),
            std::string::npos);
}

TEST_F(SafetensorsFile, TheWriterRefusesWhatCouldNotBeReadBack) {
  const Tensor one = Tensor::zeros({1});
  const auto write = [&](const NamedTensors& tensors, const Metadata& metadata = {}) {
    write_safetensors(path("w"), tensors, metadata);
  };
  EXPECT_THROW(write({{"__metadata__", one}}), std::invalid_argument);
  EXPECT_THROW(write({{std::string("a\0b", 3), one}}), std::invalid_argument);
  EXPECT_THROW(write({{std::string(1025, 'x'), one}}), std::invalid_argument);
  EXPECT_THROW(write({{"\xff", one}}), std::invalid_argument);
  EXPECT_THROW(write({{"a", Tensor()}}), std::invalid_argument);
  EXPECT_THROW(write({{"a", Tensor::zeros({1, 1, 1, 1, 1, 1, 1, 1, 1})}}), std::invalid_argument);
  EXPECT_THROW(write({{"a", one}}, {{"crc32c", "x"}}), std::invalid_argument);
  EXPECT_THROW(write({{"a", one}}, {{"k", "\xff"}}), std::invalid_argument);
  EXPECT_FALSE(fs::exists(path("w")));
}

TEST_F(SafetensorsFile, MissingAndUnwritableFilesAreIoErrors) {
  const auto kind = [](const std::function<void()>& call) {
    try {
      call();
    } catch (const Error& e) {
      return e.kind();
    }
    return ErrorKind::internal;
  };
  EXPECT_EQ(kind([&] { read_safetensors(path("missing")); }), ErrorKind::io);
  write_safetensors(path("file"), {});
  EXPECT_EQ(kind([&] { write_safetensors(path("file") / "below", {}); }), ErrorKind::io);
}

}  // namespace
}  // namespace fr
