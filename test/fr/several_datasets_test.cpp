// Several data sets from a configuration: ranges, rendered styles, folders and lists, runs that resume, what is refused.
#include <gtest/gtest.h>

#include <set>

#include "data/synthetic/style.h"
#include "fr/joined_data.h"
#include "fr/train.h"
#include "test/data/temporary.h"
#include "test/devices.h"
#include "test/stand_in.h"

namespace fr::test {
namespace {

Config rendered(int64_t datasets, double shared) {
  Config c;
  c.synthetic.identities = 10, c.synthetic.min_samples = c.synthetic.max_samples = 2;
  c.synthetic.datasets = datasets, c.synthetic.shared = shared;
  c.synthetic.test_identities = 8, c.synthetic.test_samples = 3, c.synthetic.test_pairs = 40;
  return c;
}

TEST(SeveralDatasets, RenderedOnesHaveClassesOfTheirOwn) {
  const TrainingData data = training_data(rendered(3, 0.4));
  EXPECT_EQ(data.pictures(), 60);
  EXPECT_EQ(data.classes(), 30);
  EXPECT_EQ(data.description,
            "20 pictures of 10 people who do not exist + 20 pictures of 10 people who do not exist, style "
            "studio + 20 "
            "pictures of 10 people who do not exist, style surveillance");
  const TrainingClasses classes = data.training_classes();
  EXPECT_EQ(classes.offset, (std::vector<int64_t>{0, 10, 20, 30}));
  EXPECT_EQ(classes.datasets, (std::vector<std::string>{"snapshot", "studio", "surveillance"}));
  EXPECT_EQ(classes.pictures, std::vector<int64_t>(30, 2));
  // The first four people of each are the same, the others are nobody else.
  const auto person = [&](int64_t i) {
    const std::string name = data.source->name(i);
    return name.substr(name.find("_i") + 2, 6);
  };
  std::set<std::string> people;
  for (int64_t i = 0; i < 60; ++i) {
    people.insert(person(i));
    EXPECT_EQ(data.source->label(i), i / 2);
    EXPECT_EQ(data.source->name(i)[0] == 's', i >= 20);
  }
  EXPECT_EQ(people.size(), 4u + 3 * 6);
  for (int64_t i = 0; i < 8; ++i) {
    EXPECT_EQ(person(i), person(20 + i));
    EXPECT_EQ(person(i), person(40 + i));
  }
  EXPECT_NE(data.source->load(0).pixels, data.source->load(20).pixels);
}

TEST(SeveralDatasets, ClassesKeepTheirNamesAndGroups) {
  const TrainingClasses classes = training_data(rendered(3, 0.4)).training_classes();
  ASSERT_EQ(classes.names.size(), 30u);
  ASSERT_EQ(classes.group.size(), 30u);
  EXPECT_EQ(classes.groups, training_data(rendered(1, 0)).training_classes().groups);
  EXPECT_EQ("s1_" + classes.names[0], classes.names[10]);  // a person of both
  EXPECT_NE("s1_" + classes.names[9], classes.names[19]);
  for (size_t k = 0; k < 4; ++k) EXPECT_EQ(classes.group[k], classes.group[20 + k]);
}

// Where people are drawn and not pictures, a data set's share is that of its people.
TEST(SeveralDatasets, SharesAreThoseOfWhatIsDrawn) {
  const TemporaryFolder folder;
  for (const char* picture :
       {"a/x/1", "a/x/2", "a/x/3", "a/x/4", "a/x/5", "a/x/6", "b/y/1", "b/z/1", "b/w/1"}) {
    fs::create_directories((folder.path / picture).parent_path());
    save_image(folder.path / (std::string(picture) + ".png"), Image(4, 4));
  }
  Config c;
  c.data.source = DataSource::folder;
  c.data.roots = {(folder.path / "a").string(), (folder.path / "b").string()};
  const auto share = [&] { return training_data(c).training_classes().dataset_share(); };
  EXPECT_NEAR(share()[0], 6. / 9, 1e-12);
  c.data.order = Order::balanced;
  EXPECT_NEAR(share()[0], 1. / 4, 1e-12);
}

TEST(SeveralDatasets, OneIsWhatItWas) {
  const TrainingData one = training_data(rendered(1, 0));
  EXPECT_TRUE(one.ranges.names.empty());
  EXPECT_EQ(one.training_classes().offset, (std::vector<int64_t>{0, 10}));
  const TrainingData shared_with_nobody = training_data(rendered(1, 0.5));
  ASSERT_EQ(shared_with_nobody.pictures(), one.pictures());
  for (int64_t i = 0; i < one.pictures(); ++i) {
    EXPECT_EQ(shared_with_nobody.source->name(i), one.source->name(i));
    EXPECT_EQ(shared_with_nobody.source->label(i), one.source->label(i));
  }
  EXPECT_NE(one.source->fingerprint(), training_data(rendered(2, 0)).source->fingerprint());
  EXPECT_NE(training_data(rendered(2, 0.5)).source->fingerprint(),
            training_data(rendered(2, 0)).source->fingerprint());
  EXPECT_EQ(training_data(rendered(2, 1)).classes(), 20);  // the same people in both
}

TEST(SeveralDatasets, TestPairsWithinAndAcrossStyles) {
  Config c = rendered(3, 0.4);
  const auto count = [&](TestStyles styles) {
    c.synthetic.test_styles = styles;
    const TestData test = *test_data(c);
    int64_t across[2] = {0, 0}, all[2] = {0, 0};
    for (const VerificationPair& p : test.pairs) {
      const auto style = [&](int64_t i) {
        const std::string& name = test.names[size_t(i)];
        return name[0] == 's' ? name.substr(0, 2) : "s0";
      };
      ++all[p.same], across[p.same] += style(p.a) != style(p.b);
    }
    EXPECT_EQ(all[0], all[1]);
    EXPECT_EQ(across[0], across[1]);
    return double(across[0]) / double(all[0]);
  };
  EXPECT_EQ(count(TestStyles::within), 0);
  EXPECT_EQ(count(TestStyles::across), 1);
  EXPECT_NEAR(count(TestStyles::mixed), 0.5, 0.05);
  // Nobody who was trained on.
  const TestData test = *test_data(c);
  for (const std::string& name : test.names) EXPECT_GE(std::stoi(name.substr(name.find("_i") + 2, 6)), 22);
  EXPECT_EQ(styles_of_pairs(TestStyles::across, 1), (std::vector<std::pair<int, int>>{{0, 0}}));
}

// A folder of people with `pictures` pictures each.
void write_people(const fs::path& root, int people, int pictures) {
  for (int p = 0; p < people; ++p)
    for (int i = 0; i < pictures; ++i) {
      Image image(16, 16);
      for (size_t j = 0; j < image.pixels.size(); ++j)
        image.pixels[j] = uint8_t(j * size_t(3 + p) + size_t(i));
      fs::create_directories(root / cat("p", p));
      save_image(root / cat("p", p) / cat(i, ".png"), image);
    }
}
Config of_folders(const std::vector<fs::path>& roots) {
  Config c;
  c.data.source = DataSource::folder;
  for (const fs::path& root : roots) c.data.roots.push_back(root.string());
  return c;
}
std::string complaint(const std::function<void()>& f, ErrorKind kind) {
  try {
    f();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), kind) << e.what();
    return e.what();
  }
  return "nothing was thrown";
}
void expect_words(const std::string& message, const std::string& words) {
  EXPECT_NE(message.find(words), std::string::npos) << message;
}

TEST(SeveralDatasets, FoldersAndLists) {
  const TemporaryFolder folder;
  write_people(folder.path / "a", 3, 4), write_people(folder.path / "b", 1, 5),
      write_people(folder.path / "c", 2, 1);
  Config c = of_folders({folder.path / "a", folder.path / "b", folder.path / "c"});
  check(c);
  const TrainingData data = training_data(c);
  EXPECT_EQ(data.training_classes().offset, (std::vector<int64_t>{0, 3, 4, 6}));
  EXPECT_EQ(data.pictures(), 19);
  EXPECT_EQ(data.notes, "");
  c.loss.dail.classes = DailOptions::Classes::dataset;
  expect_words(training_data(c).notes,
               "b: one person, told from nobody: its pictures add nothing to the loss\n");
  const std::vector<double> shares = data.training_classes().share;
  EXPECT_NEAR(shares[0], 12.0 / 19, 1e-12);
  c.data.weights = parse_dataset_weights("sqrt");
  EXPECT_NEAR(training_data(c).training_classes().share[1],
              std::sqrt(5.0) / (std::sqrt(12.0) + std::sqrt(5.0) + std::sqrt(2.0)), 1e-12);

  c = of_folders({folder.path / "a", folder.path / "b", folder.path / "c"});
  c.data.min_images = 2;  // of each data set: the third has nobody left
  expect_words(complaint([&] { training_data(c); }, ErrorKind::data), "c");

  // Lists of a folder's own, or the same one below each.
  write_file_atomic(folder.path / "a" / "own.txt", std::string_view("p0/0.png 0\np1/0.png 1\n"));
  write_file_atomic(folder.path / "c" / "own.txt", std::string_view("p0/0.png 7\np1/0.png 9\n"));
  c = of_folders({folder.path / "a", folder.path / "c"});
  c.data.source = DataSource::list, c.data.lists = {"own.txt"};
  check(c);
  EXPECT_EQ(training_data(c).training_classes().offset, (std::vector<int64_t>{0, 2, 4}));
  c.data.lists = {(folder.path / "a" / "own.txt").string(), "own.txt"};
  check(c);
  EXPECT_EQ(training_data(c).training_classes().offset, (std::vector<int64_t>{0, 2, 4}));
}

TEST(SeveralDatasets, WhatIsRefused) {
  const TemporaryFolder folder;
  write_people(folder.path / "a", 2, 2), write_people(folder.path / "b", 2, 2);
  fs::create_directories(folder.path / "empty");
  const fs::path a = folder.path / "a", b = folder.path / "b";
  const auto refused = [](const Config& c, const std::string& words) {
    expect_words(complaint([&] { check(c); }, ErrorKind::usage), words);
  };
  refused(of_folders({a, b, a}), cat("data.root names ", a.string(), " twice"));
  refused(of_folders({a, folder.path / "b" / ".." / "a"}), "twice");
  refused(of_folders({a, folder.path / "nothing"}), "nothing: no such folder");
  expect_words(complaint(
                   [&] {
                     training_data(of_folders({a, folder.path / "empty"}));
                   },
                   ErrorKind::data),
               "empty");
  Config c = of_folders({a, b});
  c.data.weights = parse_dataset_weights("1 2 3");
  refused(c, "data.weights has 3 numbers for 2 data sets");
  c.data.weights = parse_dataset_weights("1 2"), c.data.order = Order::pk;
  refused(c, "data.weights: batches of data.order = pk and doppelganger are made by people");
  c.data.order = Order::doppelganger;
  refused(c, "data.weights: batches of data.order = pk and doppelganger are made by people");
  c = of_folders({a, b}), c.data.source = DataSource::list;
  refused(c, "data.list is missing");
  c.data.lists = {"x", "y", "z"};
  refused(c, "data.list has 3 lists for the 2 folders of data.root");
  c.data.lists = {"own.txt"};
  refused(c, "data.list = own.txt: no such file");
  c = of_folders({a});
  c.loss.terms = {{"softmax", 1}, {"domain", 1}};
  refused(c, "loss.name: domain tells data sets apart; expected several");
  c = rendered(2, 0);
  c.loss.terms = {{"softmax", 1}, {"domain", 1}}, c.train.batch = 1;
  refused(c, "train.batch = 1: the classifier of loss.name = domain normalises over the batch");
}

TEST(SeveralDatasets, Weights) {
  for (const char* text : {"pictures", "sqrt", "1, 2.5, 3"}) {
    std::string words = text;
    std::erase(words, ',');
    EXPECT_EQ(dataset_weights_text(parse_dataset_weights(words)), text);
  }
  for (const char* text : {"", "0", "-1 2", "1 x", "sqrt 1", "1e99", "nan"})
    EXPECT_THROW(parse_dataset_weights(text), std::invalid_argument) << text;
  EXPECT_EQ(dataset_shares(parse_dataset_weights("1 3"), {7, 9}), (std::vector<double>{0.25, 0.75}));
  EXPECT_EQ(dataset_shares({}, {1, 3}), (std::vector<double>{0.25, 0.75}));
  EXPECT_THROW(dataset_shares(parse_dataset_weights("1 3"), {1}), std::invalid_argument);
}

TEST(SeveralDatasets, KeysAreReadAndWritten) {
  Config c;
  Schema schema = describe(c);
  schema.read_ini_text(
      "[data]\nroot = a, \"b c\"\nlist = x.txt, y.txt\nweights = 1, 2\n[dail]\nclasses = dataset\n"
      "crossing = auto\n[domain]\nlambda = 0.5\nweights = inverse_sqrt\n",
      "test");
  EXPECT_EQ(c.data.roots, (std::vector<std::string>{"a", "b c"}));
  EXPECT_EQ(c.data.lists, (std::vector<std::string>{"x.txt", "y.txt"}));
  EXPECT_EQ(c.loss.dail.crossing, DailOptions::kUsual);
  EXPECT_EQ(c.loss.domain.reversal.lambda, 0.5);
  Config again;
  Schema other = describe(again);
  other.read_ini_text(schema.to_ini(), "test");
  EXPECT_EQ(other.to_ini(), schema.to_ini());
  EXPECT_EQ(again.data.roots, c.data.roots);
  schema.override_with("data.root=one");
  EXPECT_EQ(c.data.roots, std::vector<std::string>{"one"});
  EXPECT_THROW(schema.override_with("data.root=a,,b"), Error);
}

// --- runs ---

Config run_config(const fs::path& folder, const std::string& name) {
  Config c = rendered(2, 0.5);
  c.run.name = name, c.run.folder = folder.string();
  c.synthetic.identities = 4, c.synthetic.min_samples = c.synthetic.max_samples = 4;
  c.network = {Architecture::sphereface, 4, 8, 16, 16, 0.1, 1};
  c.lr = 0.01;
  c.loss.terms = {{"cosface", 1}, {"domain", 0.5}};
  c.loss.head.scale = 8;
  c.loss.dail.classes = DailOptions::Classes::dataset, c.loss.dail.crossing = 0.3;
  c.loss.domain.hidden = 8, c.loss.domain.reversal.stage_one = 0.5;
  c.data.weights = parse_dataset_weights("1 3");
  c.train.batch = 8, c.train.steps = 8, c.train.log_every = 1, c.train.checkpoint_every = 3;
  c.train.device = DeviceChoice::cpu;
  return c;
}
// The metrics of steps up to `last`; from the newest checkpoint when there is one.
std::vector<TrainPoint> run_to(const Config& config, int64_t last) {
  const fs::path path = fs::path(config.run.folder) / config.run.name;
  const bool resume = fs::exists(path);
  Session session(config);
  const RunFolder folder(path, resume ? RunFolder::Mode::resume : RunFolder::Mode::fresh);
  if (resume) session.step = resume_newest(path, session.model, *session.optimizer, session.info()).step;
  session.steps = last;
  run(session, folder);
  return folder.train_points();
}
std::vector<uint8_t> newest(const Config& c) {
  return read_file(list_checkpoints(fs::path(c.run.folder) / c.run.name).front());
}

TEST(SeveralDatasets, AResumedRunIsTheUninterruptedOne) {
  const TemporaryFolder folder;
  const UseDevice device(stand_in());
  for (DeviceChoice where : {DeviceChoice::cpu, DeviceChoice::cuda}) {
    Config straight = run_config(folder.path, cat("straight", int(where))),
           pieces = run_config(folder.path, cat("pieces", int(where)));
    straight.train.device = pieces.train.device = where;
    const std::vector<TrainPoint> a = run_to(straight, 8);
    run_to(pieces, 5);
    const std::vector<TrainPoint> b = run_to(pieces, 8);
    EXPECT_EQ(newest(straight), newest(pieces));
    ASSERT_EQ(a.size(), 8u);
    EXPECT_EQ(a[7].loss, b[7].loss);
    EXPECT_EQ(a[7].figures, b[7].figures);
  }
}

TEST(SeveralDatasets, ADeviceRunFollowsTheCpuAndFiguresAreThere) {
  const TemporaryFolder folder;
  const UseDevice device(stand_in());
  Config here = run_config(folder.path, "here"), there = run_config(folder.path, "there");
  there.train.device = DeviceChoice::cuda;
  const std::vector<TrainPoint> a = run_to(here, 8), b = run_to(there, 8);
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_NEAR(a[i].loss, b[i].loss, 2e-3 * a[i].loss) << i;
    ASSERT_EQ(a[i].figures.size(), 3u);
    EXPECT_EQ(a[i].figures[0].first, "domain.accuracy");
    for (size_t f : {1u, 2u}) {
      EXPECT_EQ(a[i].figures[f].first, b[i].figures[f].first);
      EXPECT_NEAR(a[i].figures[f].second, b[i].figures[f].second, 1e-6)
          << a[i].figures[f].first << ", step " << i;
    }
    // Four steps without reversal, then its ramp over a fifth of the other four.
    EXPECT_NEAR(a[i].figures[2].second, i < 5 ? 0 : 0.1, 1e-7) << i;
  }
  const LoadedModel loaded = load_model(folder.path / "here");
  EXPECT_EQ(loaded.model->classes(), 8);
  EXPECT_EQ(collect_state(*loaded.model).at("domain.classifier.output.bias").size(), 2);
}

}  // namespace
}  // namespace fr::test
