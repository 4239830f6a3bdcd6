// Protocols and galleries tell a calibrator who is on each row, where they know.
#include <gtest/gtest.h>

#include "data/folder.h"
#include "fr/calibration/anchors.h"
#include "fr/calibration/cosine.h"
#include "fr/protocol/fold_verification.h"
#include "fr/protocol/identification.h"
#include "fr/recogniser/identify.h"
#include "test/data/temporary.h"
#include "test/fr/fold_faces.h"
#include "test/fr/random_rows.h"

namespace fr {
namespace {

using Names = std::vector<std::string>;

// The cosine, and who was on the rows of each call.
class Listener : public Cosine {
 public:
  std::string name() const override { return "listener"; }
  CalibratedRows prepare(const EmbeddingView& e) const override {
    heard.emplace_back(e.people.begin(), e.people.end());
    return Cosine::prepare(e);
  }
  mutable std::vector<Names> heard;
};

ProtocolOptions quick() {
  ProtocolOptions o;
  o.bootstrap.replicates = 0;
  return o;
}

TEST(CalibratedPeople, ByThePathOfAPicture) {
  EXPECT_EQ(folder::person_of("lfw/Ann_Lee/Ann_Lee_0001.jpg"), "Ann_Lee");
  EXPECT_EQ(folder::person_of("Ann_Lee_0012.jpg"), "Ann_Lee");
  EXPECT_EQ(folder::person_of("s01/07.png"), "s01");
  EXPECT_EQ(folder::person_of("07.png"), "");
}

TEST(CalibratedPeople, OfPairs) {
  PairList list;
  list.pairs = {{"lfw/ann/1.jpg", "lfw/ann/2.jpg", true, 0}, {"lfw/bob/1.jpg", "lfw/ann/1.jpg", false, 1}};
  EXPECT_EQ(verification_set(list, "x").person_names, (Names{"ann", "ann", "bob"}));
  list.pairs = {{"1/frontal/1.jpg", "1/profile/1.jpg", true, 0},
                {"2/frontal/1.jpg", "1/frontal/1.jpg", false, 1}};
  EXPECT_EQ(verification_set(list, "x").person_names, (Names{"1", "1", "2"}));
  list.pairs = {{"1.jpg", "2.jpg", true, 0}, {"3.jpg", "1.jpg", false, 1}};
  EXPECT_TRUE(verification_set(list, "x").person_names.empty());
  FoldFaces faces;
  for (const int64_t person : faces.set.people) faces.set.person_names.push_back(cat("p", person));
  const Listener listener;
  FoldVerification(faces.set).evaluate({faces.view()}, listener, quick());
  ASSERT_EQ(listener.heard.size(), 1u);
  EXPECT_EQ(listener.heard[0], faces.set.person_names);
}

TEST(CalibratedPeople, OfGalleriesAndProbes) {
  GalleryProbes set;
  set.names = {"ann", "bob", "dan"};
  set.people = {0, 1, 1, 0, 2}, set.pictures = {"a", "b", "b1", "a2", "d"}, set.enrolled = 3;
  const Rows x = random_rows(1, 5, 4);
  IdentificationOptions options;
  options.open_set = OpenSet::none;
  for (const Template of_person : {Template::best, Template::mean}) {
    options.of_person = of_person;
    const Listener listener;
    identification(set, options)->evaluate({x.view()}, listener, quick());
    ASSERT_EQ(listener.heard.size(), 2u);
    EXPECT_EQ(listener.heard[0], (Names{"ann", "dan"}));
    EXPECT_EQ(listener.heard[1],
              of_person == Template::best ? (Names{"ann", "bob", "bob"}) : (Names{"ann", "bob"}));
  }
}

TEST(CalibratedPeople, OfAnEnrolledGallery) {
  const TemporaryFolder folder;
  const Rows x = random_rows(1, 3, 4);
  write_gallery(folder.path / "g", x.view(), {"ann", "bob", "bob"}, {"1", "2", "3"}, {});
  const GalleryFile file(folder.path / "g");
  const Listener listener;
  const Identifier identifier(file, listener);
  ASSERT_EQ(listener.heard.size(), 1u);
  EXPECT_EQ(listener.heard[0], (Names{"ann", "bob", "bob"}));
  identifier.search(x.view(), 1);
  EXPECT_TRUE(listener.heard.back().empty());  // nobody knows who a probe is
}

// Anchors among whom the test's people are: as if these anchors were not there for their own pictures.
TEST(CalibratedPeople, TestPeopleAmongTheAnchors) {
  FoldFaces faces;
  for (const int64_t person : faces.set.people) faces.set.person_names.push_back(cat("p", person));
  const int64_t N = faces.set.rows(), D = faces.D;
  const AnchorDiscrepancy ida({faces.values, N, D, faces.set.person_names}, 10, 1);
  const ProtocolResult r = FoldVerification(faces.set).evaluate({faces.view()}, ida, quick());
  const EmbeddingView all = faces.view();
  const auto log_f = [&](int64_t i) {
    std::vector<double> s;
    for (int64_t j = 0; j < N; ++j)
      if (faces.set.people[size_t(j)] != faces.set.people[size_t(i)])
        s.push_back(cosine(&all.values[size_t(i * D)], &all.values[size_t(j * D)], D));
    std::sort(s.rbegin(), s.rend());
    return log_discrepancy(std::span(s).first(10), 1);
  };
  for (const auto& p : r.scores)
    EXPECT_NEAR(p.score,
                log_dao(cosine(&all.values[size_t(p.a * D)], &all.values[size_t(p.b * D)], D), log_f(p.a),
                        log_f(p.b), 1),
                1e-5);
}

}  // namespace
}  // namespace fr
