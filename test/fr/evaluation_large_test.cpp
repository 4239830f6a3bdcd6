// IJB and MegaFace from their files to their figures, by the settings of an evaluation.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/philox.h"
#include "data/megaface.h"
#include "fr/evaluation.h"
#include "test/data/temporary.h"

namespace fr {
namespace {

struct LargeSets : testing::Test {
  TemporaryFolder folder;
  EvaluationConfig config(std::vector<std::string> settings) {
    EvaluationConfig c;
    Schema schema = describe(c);
    settings.push_back("root=" + folder.path.string());
    settings.push_back("bootstrap.replicates=0");
    for (const auto& s : settings) schema.override_with(s);
    return c;
  }
  ProtocolResult evaluate(const Protocol& protocol, std::span<const float> rows, int64_t D) {
    EvaluationConfig c = config({});
    return protocol.evaluate({{rows, int64_t(rows.size()) / D, D}}, *make_calibrator({}), c.options);
  }
  // Four templates of one picture each; 1 and 2 of subject 7, 3 of 8, 4 of 9.
  void put_ijb() {
    for (int i = 1; i <= 4; ++i) folder.put(cat(i, ".jpg"), "P6\n2 2\n255\n123456789012");
    folder.put("tid_mid.txt", "1.jpg 1 1\n2.jpg 2 1\n3.jpg 3 1\n4.jpg 4 1\n");
    std::string lines;
    for (int i = 1; i <= 4; ++i) lines += cat(i, ".jpg 38 52 74 52 56 72 42 92 71 92 0.9\n");
    folder.put("5pts.txt", lines);
    folder.put("label.txt", "1 2 1\n1 3 0\n2 4 0\n");
    folder.put("g.csv", "TEMPLATE_ID,SUBJECT_ID\n1,7\n3,8\n");
    folder.put("h.csv", "TEMPLATE_ID,SUBJECT_ID\n2,7\n");
    folder.put("p.csv", "TEMPLATE_ID,SUBJECT_ID\n2,7\n4,9\n");
  }
};
const std::vector<std::string> kIjb = {"ijb.members=tid_mid.txt", "ijb.landmarks=5pts.txt"};
std::vector<std::string> with(std::vector<std::string> settings, const std::vector<std::string>& more) {
  settings.insert(settings.end(), more.begin(), more.end());
  return settings;
}
const std::vector<float> kRows = {1, 0, 0.9f, 0.1f, 0, 1, -1, 0.5f};

TEST_F(LargeSets, IjbPairs) {
  put_ijb();
  const auto c = config(with(kIjb, {"protocol=ijb_1_1", "ijb.pairs=label.txt", "ijb.name=IJB-B"}));
  const auto protocol = make_protocol(c);
  EXPECT_EQ(protocol->description(),
            "IJB-B 1:1: 1 genuine and 2 impostor pairs of 4 templates of 4 pictures");
  EXPECT_EQ(protocol->pictures().picture(0).width, 112);
  const ProtocolResult r = evaluate(*protocol, kRows, 2);
  EXPECT_EQ(r.figures.front().key, "tar_at_far_1e-4");
  EXPECT_EQ(r.figures.front().value, 1);
}

TEST_F(LargeSets, IjbGalleries) {
  put_ijb();
  const std::vector<std::string> settings =
      with(kIjb, {"protocol=ijb_1_n", "ijb.gallery_1=g.csv", "ijb.probes=p.csv"});
  const auto protocol = make_protocol(config(settings));
  EXPECT_EQ(protocol->description(),
            "IJB-C 1:N: 2 probes against galleries g (2) of templates of 4 pictures");
  const ProtocolResult r = evaluate(*protocol, kRows, 2);
  EXPECT_EQ(r.figures.front().key, "tpir_at_fpir_1e-1");
  EXPECT_EQ(r.figures.front().value, 1);
  EXPECT_ERROR(data, "template 2 is a probe and in gallery h",
               make_protocol(config(with(settings, {"ijb.gallery_2=h.csv"}))));
}

TEST_F(LargeSets, IjbKeysAreNeeded) {
  put_ijb();
  EXPECT_ERROR(usage, "protocol = ijb_1_1 needs ijb.pairs = ...",
               make_protocol(config(with(kIjb, {"protocol=ijb_1_1"}))));
  EXPECT_ERROR(usage, "protocol = ijb_1_1 needs ijb.members = ...",
               make_protocol(config({"protocol=ijb_1_1", "ijb.pairs=label.txt"})));
  EXPECT_ERROR(usage, "protocol = ijb_1_n needs ijb.gallery_1 = ...",
               make_protocol(config(with(kIjb, {"protocol=ijb_1_n"}))));
  EXPECT_ERROR(usage, "protocol = ijb_1_n needs ijb.probes = ...",
               make_protocol(config(with(kIjb, {"protocol=ijb_1_n", "ijb.gallery_1=g.csv"}))));
  EXPECT_ERROR(usage, "loose crops are aligned by landmarks",
               make_protocol(config({"protocol=ijb_1_1", "ijb.pairs=label.txt", "ijb.members=tid_mid.txt"})));
  fs::remove(folder.path / "4.jpg");
  EvaluationConfig c = config(with(kIjb, {"protocol=ijb_1_1", "ijb.pairs=label.txt"}));
  EXPECT_ERROR(data, "1 of 4 pictures missing", make_protocol(c));
  c.missing = Missing::drop;
  EXPECT_EQ(make_protocol(c)->description(),
            "IJB-C 1:1: 1 genuine and 1 impostor pairs of 4 templates of 3 pictures");
}

TEST_F(LargeSets, Megaface) {
  folder.put("probes.json", R"({"id": ["a", "a"], "path": ["a/1", "a/2"]})");
  folder.put("distractors.json", R"({"id": ["0", "0"], "path": ["x", "y"]})");
  const std::vector<std::string> settings = {"protocol=megaface", "megaface.probes=probes.json",
                                             "megaface.distractors=distractors.json",
                                             "megaface.distractor_root=" + (folder.path / "d").string()};
  EXPECT_ERROR(data, "2 of 2 pictures missing", make_protocol(config(settings)));
  const char* names[] = {"a/1", "a/2", "d/x", "d/y"};
  for (size_t i = 0; i < 4; ++i)
    write_opencv_matrix(folder.path / (std::string(names[i]) + "_f.bin"),
                        {2, 1, {kRows[2 * i], kRows[2 * i + 1]}});
  const auto protocol = make_protocol(config(with(settings, {"megaface.features=_f.bin"})));
  EXPECT_EQ(protocol->description(),
            "MegaFace challenge 1: 2 probes of 1 people among 2 distractors, their features from files");
  EvaluationConfig c = config({});
  const ProtocolResult r = protocol->evaluate({}, *make_calibrator({}), c.options);
  EXPECT_EQ(r.figures.front().key, "rank_1_among_2");
  EXPECT_EQ(r.figures.front().value, 1);
  EXPECT_ERROR(usage, "protocol = megaface needs megaface.probes = ...",
               make_protocol(config({"protocol=megaface"})));
  EXPECT_ERROR(usage, "protocol = megaface needs megaface.distractors = ...",
               make_protocol(config({"protocol=megaface", "megaface.probes=probes.json"})));
}

}  // namespace
}  // namespace fr
