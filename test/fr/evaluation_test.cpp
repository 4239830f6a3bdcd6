// The settings of an evaluation and the table of protocols: what each needs, what it refuses, what it says of its files.
#include "fr/evaluation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "test/data/temporary.h"
#include "test/fr/fold_faces.h"

namespace fr {
namespace {

EvaluationConfig configured(const std::vector<std::string>& settings) {
  EvaluationConfig config;
  Schema schema = describe(config);
  for (const auto& s : settings) schema.override_with(s);
  return config;
}

TEST(Evaluation, SettingsWithAndWithoutASection) {
  const EvaluationConfig c =
      configured({"protocol=lfw", "threshold=insightface", "far=0.1,0.01", "calibration.type=s_norm",
                  "calibration.top=50", "bootstrap.seed=9", "average=scores", "pooling=mean_of_cosines",
                  "patch=full,upper, centre"});
  EXPECT_EQ(c.patch, "full,upper,centre");
  EXPECT_EQ(c.protocol, "lfw");
  EXPECT_EQ(c.options.threshold, ThresholdMode::insightface);
  EXPECT_EQ(c.options.far, (std::vector<double>{0.1, 0.01}));
  EXPECT_EQ(c.calibration.type, CalibrationType::s_norm);
  EXPECT_EQ(c.calibration.top, 50);
  EXPECT_EQ(c.options.bootstrap.seed, 9u);
  EXPECT_EQ(c.average, Average::scores);
  EXPECT_EQ(c.pooling, Pooling::mean_of_cosines);
  EXPECT_ERROR(usage, "did you mean 'lfw'?", configured({"protocol=lwf"}));
  EXPECT_ERROR(usage, "unknown key 'thresold'; did you mean 'threshold'?", configured({"thresold=exact"}));
  EXPECT_ERROR(usage, "far = 2: out of range; allowed: list of reals in [0, 1]", configured({"far=2"}));
}

TEST(Evaluation, AnIniFileBeginsWithKeysWithoutASection) {
  EvaluationConfig first, second;
  Schema a = describe(first), b = describe(second);
  a.read_ini_text("protocol = bin\nlist = x.bin  # pictures too\n[bootstrap]\nreplicates = 7\n", "e.ini");
  EXPECT_EQ(first.protocol, "bin");
  EXPECT_EQ(first.list, "x.bin");
  EXPECT_EQ(first.options.bootstrap.replicates, 7);
  for (const char* patch : {"patch=", "patch=upper,full"}) {
    a.override_with(patch);
    b.read_ini_text(a.to_ini(), "resolved");
    EXPECT_EQ(a.to_ini(), b.to_ini());
  }
  EXPECT_EQ(a.to_ini().find("protocol = bin\n"), 0u);
  EXPECT_ERROR(usage, "e.ini:1: unknown key 'protocl'; did you mean 'protocol'?",
               b.read_ini_text("protocl = bin\n", "e.ini"));
  EXPECT_ERROR(usage, "e.ini:2: protocol is given twice, first in line 1",
               b.read_ini_text("protocol = bin\nprotocol = lfw\n", "e.ini"));
  EXPECT_ERROR(usage, "e.ini:1: list has no value", b.read_ini_text("list =\n", "e.ini"));
}

TEST(Evaluation, TheDocumentHasEveryKeyAndProtocol) {
  EvaluationConfig config;
  const Schema schema = describe(config);
  const std::string text = evaluation_document(schema);
  for (const Key& key : schema.keys())
    EXPECT_NE(text.find("| " + key.name.substr(key.name.find('.') + 1) + " |"), std::string::npos)
        << key.name;
  std::set<std::string> words;
  for (const ProtocolRow& row : protocol_table()) {
    EXPECT_TRUE(words.insert(row.word).second) << row.word << " stands twice";
    EXPECT_NE(text.find("| " + row.word + " | " + row.files), std::string::npos);
  }
}

// Two people, two pictures each, in a folder with lists of pairs.
struct Files {
  TemporaryFolder folder;
  Files() {
    for (const char* name :
         {"ann/ann_0001.jpg", "ann/ann_0002.jpg", "bob/bob_0001.jpg", "bob/bob_0002.jpg"}) {
      fs::create_directories((folder.path / name).parent_path());
      folder.put(name, "P5\n1 1\n255\nx");
    }
    folder.put("pairs.csv",
               "fold,a,b,same\n"
               "0,ann/ann_0001.jpg,ann/ann_0002.jpg,1\n0,ann/ann_0001.jpg,bob/bob_0001.jpg,0\n"
               "1,bob/bob_0001.jpg,bob/bob_0002.jpg,1\n1,ann/ann_0002.jpg,bob/bob_0002.jpg,0\n");
  }
  EvaluationConfig config(std::vector<std::string> settings) const {
    settings.push_back("root=" + folder.path.string());
    return configured(settings);
  }
};

std::vector<std::string> warnings_of(const Protocol& protocol) {
  const auto n = int64_t(protocol.pictures().names.size());
  std::vector<float> values;
  for (int64_t i = 0; i < 2 * n; ++i) values.push_back(float(i % 5) - 1.5f);
  ProtocolOptions o;
  o.bootstrap.replicates = 0;
  return protocol.evaluate({{values, n, 2}}, *make_calibrator({}), o).warnings;
}

TEST(Evaluation, APairList) {
  const Files files;
  const auto protocol = make_protocol(files.config({"list=pairs.csv"}));
  EXPECT_EQ(protocol->description(), "4 pairs in 2 folds from pairs.csv, 4 pictures");
  EXPECT_EQ(protocol->pictures().picture(0).width, 1);
  for (const std::string& w : warnings_of(*protocol)) EXPECT_EQ(w.find("published"), std::string::npos);
  EXPECT_ERROR(usage, "protocol = pairs needs list = ...", make_protocol(files.config({})));
  EXPECT_ERROR(usage, "protocol = lfw needs root = ...",
               make_protocol(configured({"protocol=lfw", "list=x"})));
  EXPECT_ERROR(usage, "protocol = nonsense: no such protocol", {
    EvaluationConfig c;
    c.protocol = "nonsense";
    make_protocol(c);
  });
  EXPECT_ERROR(usage, "pooling = mean_of_cosines is for videos; protocol = pairs has none",
               make_protocol(files.config({"list=pairs.csv", "pooling=mean_of_cosines"})));
  EXPECT_ERROR(
      usage, "threshold = sphereface: its grid is one of cosines",
      make_protocol(files.config({"list=pairs.csv", "threshold=sphereface", "calibration.type=z_norm"})));
}

TEST(Evaluation, ListsThatCannotBeEvaluatedAreRefusedEarly) {
  const Files files;
  const std::string genuine = "ann/ann_0001.jpg,ann/ann_0002.jpg,1",
                    impostor = "ann/ann_0001.jpg,bob/bob_0001.jpg,0";
  files.folder.put("one.csv", cat("fold,a,b,same\n0,", genuine, "\n0,", impostor, "\n"));
  EXPECT_ERROR(data, "verification: all pairs are in fold 0", make_protocol(files.config({"list=one.csv"})));
  files.folder.put("kind.csv", cat("fold,a,b,same,group\n0,", genuine, ",young\n1,", genuine, ",young\n0,",
                                   genuine, ",aged\n1,", impostor, ",aged\n"));
  EXPECT_ERROR(data, "young: needs genuine and impostor pairs, got 2 genuine and 0 impostor",
               make_protocol(files.config({"protocol=rfw", "list=kind.csv"})));
  EXPECT_ERROR(
      usage, "calibration.type = z_norm two embeddings; take pooling = mean_feature",
      make_protocol(files.config({"list=pairs.csv", "pooling=mean_of_cosines", "calibration.type=z_norm"})));
}

TEST(Evaluation, KeysThatAProtocolDoesNotUse) {
  for (const char* key : {"threshold=insightface", "centre=true", "pooling=mean_of_cosines"})
    for (const char* protocol : {"ijb_1_1", "ijb_1_n", "megaface", "blufr", "identification", "coverage"}) {
      const std::string text(key);
      EXPECT_ERROR(usage,
                   cat(text.substr(0, text.find('=')), " = ", text.substr(text.find('=') + 1),
                       ": protocol = ", protocol, " does not use it"),
                   make_protocol(configured({cat("protocol=", protocol), text})));
    }
}

TEST(Evaluation, WhatIsNotThePublishedListIsSaid) {
  const Files files;
  const auto warnings = warnings_of(*make_protocol(files.config({"protocol=lfw", "list=pairs.csv"})));
  EXPECT_TRUE(std::count(warnings.begin(), warnings.end(),
                         "LFW has 6000 pairs in 10 folds, this list 4 in 2: not the published protocol"));
}

TEST(Evaluation, MissingPicturesAreAnErrorUnlessAllowed) {
  const Files files;
  fs::remove(files.folder.path / "bob/bob_0002.jpg");
  files.folder.put("more.csv",
                   read_text(files.folder.path / "pairs.csv") +
                       "2,ann/ann_0001.jpg,ann/ann_0002.jpg,1\n2,ann/ann_0002.jpg,bob/bob_0001.jpg,0\n");
  EvaluationConfig c = files.config({"list=more.csv"});
  EXPECT_ERROR(data, "bob/bob_0002.jpg", make_protocol(c));
  c.missing = Missing::drop;
  const auto protocol = make_protocol(c);
  EXPECT_EQ(protocol->description(), "4 pairs in 2 folds from more.csv, 3 pictures");
  const std::vector<float> values = {1, 0, 0.9f, 0.1f, 0, 1};
  ProtocolOptions o;
  o.bootstrap.replicates = 0;
  const auto notes = protocol->evaluate({{values, 3, 2}}, *make_calibrator({}), o).notes;
  EXPECT_TRUE(std::any_of(notes.begin(), notes.end(), [](const std::string& n) {
    return n.find("4 of 6 pairs are used") != std::string::npos;
  }));
}

TEST(Evaluation, GroupsThatAreVerificationsOfTheirOwn) {
  const Files files;
  EXPECT_ERROR(data, "RFW has groups; expected a folder of GROUP/GROUP_pairs.txt or a column 'group'",
               make_protocol(files.config({"protocol=rfw", "list=pairs.csv"})));
  std::string csv = "fold,a,b,same,group\n";
  for (const char* group : {"young", "aged"})
    for (int fold : {0, 1}) {
      csv += cat(fold, ",ann/ann_0001.jpg,ann/ann_0002.jpg,1,", group, "\n");
      csv += cat(fold, ",ann/ann_0001.jpg,bob/bob_0001.jpg,0,", group, "\n");
    }
  files.folder.put("groups.csv", csv);
  const auto afw = make_protocol(files.config({"protocol=afw", "list=groups.csv"}));
  const auto warnings = warnings_of(*afw);
  EXPECT_TRUE(std::count(warnings.begin(), warnings.end(),
                         "AFW has 3 groups, this list 2: not the published protocol"));
  const std::vector<float> values = {1, 0, 0.9f, 0.1f, 0, 1};
  ProtocolOptions o;
  o.bootstrap.replicates = 0;
  const ProtocolResult r = afw->evaluate({{values, 3, 2}}, *make_calibrator({}), o);
  EXPECT_EQ(figure(r, "accuracy_young").value, 1);
  EXPECT_EQ(r.group_title, "age");
  EXPECT_EQ(r.groups.size(), 3u);
}

TEST(Evaluation, ABinFile) {
  const TemporaryFolder folder;
  const auto picture = [](char gray) {
    return std::vector<uint8_t>{'P', '5', '\n', '1', ' ', '1', '\n', '9', '\n', uint8_t(gray)};
  };
  std::vector<std::vector<uint8_t>> pictures;
  for (char i = 0; i < 8; ++i) pictures.push_back(picture(i));
  write_bin_set(folder.path / "some.bin", pictures, {true, false, true, false});
  const auto protocol =
      make_protocol(configured({"protocol=bin", "list=" + (folder.path / "some.bin").string()}));
  EXPECT_EQ(protocol->description(), "4 pairs in 4 folds from some.bin, 8 pictures");
  write_bin_set(folder.path / "kind.bin", pictures, {true, true, true, true});
  EXPECT_ERROR(data, "needs genuine and impostor pairs, got 4 genuine and 0 impostor",
               make_protocol(configured({"protocol=bin", "list=" + (folder.path / "kind.bin").string()})));
  EXPECT_ERROR(usage, "protocol = bin needs list = ...", make_protocol(configured({"protocol=bin"})));
}

}  // namespace
}  // namespace fr
