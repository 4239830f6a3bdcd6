#include "data/synthetic/identity.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/philox.h"

namespace fr {
namespace {

constexpr TraitInfo kInfo[] = {
    {"build", 0, 1, 0.5f, 0.4f},        {"age", 0, 1, 0.35f, 0.22f},
    {"face_width", -2, 2, 0, 0.9f},     {"forehead_width", -2, 2, 0, 0.9f},
    {"cheekbone", -2, 2, 0, 0.9f},      {"jaw_width", -2, 2, 0, 0.9f},
    {"chin_width", -2, 2, 0, 0.9f},     {"chin_length", -2, 2, 0, 0.9f},
    {"face_depth", -2, 2, 0, 0.9f},     {"cheek_fullness", -2, 2, 0, 0.9f},
    {"eye_distance", -2, 2, 0, 0.9f},   {"eye_width", -2, 2, 0, 0.9f},
    {"eye_open", -2, 2, 0, 0.9f},       {"eye_tilt", -2, 2, 0, 0.9f},
    {"eye_depth", -2, 2, 0, 0.9f},      {"lid_crease", 0, 1, 0.55f, 0.3f},
    {"iris_size", -2, 2, 0, 0.8f},      {"eye_melanin", 0, 1, 0.5f, 0.35f},
    {"eye_green", 0, 1, 0.4f, 0.35f},   {"brow_height", -2, 2, 0, 0.9f},
    {"brow_thickness", -2, 2, 0, 0.9f}, {"brow_arch", -2, 2, 0, 0.9f},
    {"brow_tilt", -2, 2, 0, 0.9f},      {"brow_gap", -2, 2, 0, 0.9f},
    {"brow_dark", 0, 1, 0.65f, 0.25f},  {"nose_length", -2, 2, 0, 0.9f},
    {"nose_width", -2, 2, 0, 0.9f},     {"nose_height", -2, 2, 0, 0.9f},
    {"nose_hump", -2, 2, 0, 0.9f},      {"nose_tip", -2, 2, 0, 0.9f},
    {"mouth_height", -2, 2, 0, 0.9f},   {"mouth_width", -2, 2, 0, 0.9f},
    {"lip_upper", -2, 2, 0, 0.9f},      {"lip_lower", -2, 2, 0, 0.9f},
    {"cupid_bow", 0, 1, 0.5f, 0.3f},    {"lip_red", 0, 1, 0.4f, 0.25f},
    {"corner_tilt", -2, 2, 0, 0.9f},    {"ear_size", -2, 2, 0, 0.9f},
    {"ear_out", -2, 2, 0, 0.9f},        {"hairline", -2, 2, 0, 0.9f},
    {"hair_length", 0, 1, 0.5f, 0.35f}, {"hair_volume", 0, 1, 0.45f, 0.25f},
    {"hair_parting", -1, 1, 0, 0.6f},   {"hair_curl", 0, 1, 0.35f, 0.3f},
    {"hair_recede", 0, 1, 0.2f, 0.25f}, {"fringe", 0, 1, 0.1f, 0.45f},
    {"hair_melanin", 0, 1, 0.6f, 0.3f}, {"hair_red", 0, 1, 0.2f, 0.3f},
    {"hair_gray", 0, 1, 0, 0.1f},       {"beard", 0, 1, 0, 0.3f},
    {"moustache", 0, 1, 0, 0.3f},       {"melanin", 0, 1, 0.3f, 0.15f},
    {"warmth", -1, 1, 0, 0.4f},         {"ruddiness", 0, 1, 0.4f, 0.25f},
    {"freckles", 0, 1, 0, 0.3f},        {"blotches", 0, 1, 0.4f, 0.25f},
    {"glasses", 0, 1, 0.1f, 0.3f},
};
static_assert(std::size(kInfo) == kTraits);

// Where a group's mean lies instead, and its deviation.
struct Shift {
  int group;
  Trait trait;
  float mean, deviation;
};
constexpr Shift kShifts[] = {
    {0, Trait::melanin, 0.22f, 0.12f},    {0, Trait::hair_melanin, 0.55f, 0.32f},
    {1, Trait::melanin, 0.38f, 0.10f},    {1, Trait::hair_melanin, 0.93f, 0.08f},
    {1, Trait::hair_red, 0.05f, 0.1f},    {1, Trait::eye_melanin, 0.90f, 0.10f},
    {1, Trait::eye_tilt, 0.9f, 0.7f},     {1, Trait::lid_crease, 0.25f, 0.25f},
    {1, Trait::nose_height, -0.6f, 0.8f}, {1, Trait::eye_open, -0.6f, 0.8f},
    {1, Trait::cheekbone, 0.6f, 0.8f},    {1, Trait::warmth, 0.4f, 0.3f},
    {1, Trait::freckles, -0.2f, 0.25f},   {1, Trait::hair_curl, 0.1f, 0.15f},
    {2, Trait::melanin, 0.78f, 0.12f},    {2, Trait::hair_melanin, 0.95f, 0.06f},
    {2, Trait::hair_red, 0.0f, 0.1f},     {2, Trait::eye_melanin, 0.95f, 0.06f},
    {2, Trait::hair_curl, 0.85f, 0.15f},  {2, Trait::nose_width, 0.9f, 0.7f},
    {2, Trait::lip_upper, 0.9f, 0.7f},    {2, Trait::lip_lower, 0.9f, 0.7f},
    {2, Trait::freckles, -0.3f, 0.25f},   {2, Trait::hair_length, 0.3f, 0.3f},
    {3, Trait::age, 0.82f, 0.12f},        {3, Trait::melanin, 0.30f, 0.20f},
    {3, Trait::hair_gray, 0.75f, 0.3f},   {3, Trait::hair_recede, 0.5f, 0.3f},
    {3, Trait::hairline, 0.6f, 0.8f},     {3, Trait::lip_upper, -0.8f, 0.7f},
    {3, Trait::nose_length, 0.6f, 0.8f},  {3, Trait::ear_size, 0.8f, 0.8f},
    {3, Trait::glasses, 0.35f, 0.35f},    {3, Trait::ruddiness, 0.6f, 0.25f},
};

// Reflects into [low, high], so that no value piles up at the ends of the shape traits; amounts whose mean is at an
// end are clamped instead, because "none" is their commonest value.
float into_range(const TraitInfo& info, double v) {
  const bool amount = info.low == 0 || info.high == 1;
  if (!amount && v > info.high) v = 2 * info.high - v;
  if (!amount && v < info.low) v = 2 * info.low - v;
  return static_cast<float>(std::clamp<double>(v, info.low, info.high));
}

int draw_group(Random& random, const GroupShares& shares) {
  double total = 0;
  for (double s : shares) {
    FR_CHECK(s >= 0 && std::isfinite(s), "draw_identity: group shares must be >= 0, got ", s);
    total += s;
  }
  FR_CHECK(total > 0, "draw_identity: at least one group share must be positive");
  double u = random.uniform() * total;
  int group = 0, last = 0;
  for (; group < kGroups; ++group) {
    if (shares[group] > 0) last = group;
    if ((u -= shares[group]) < 0) return group;
  }
  return last;  // rounding
}

// Traits that go together, as they do in people.
void correlate(Identity& id, Random& random) {
  const float rugged = 2 * id[Trait::build] - 1;
  const auto shift = [&](Trait t, float by) { id[t] = into_range(trait_info(t), id[t] + by); };
  shift(Trait::jaw_width, 0.6f * rugged), shift(Trait::chin_width, 0.6f * rugged);
  shift(Trait::brow_thickness, 0.7f * rugged), shift(Trait::brow_height, -0.5f * rugged);
  shift(Trait::lip_upper, -0.4f * rugged), shift(Trait::lip_lower, -0.3f * rugged);
  shift(Trait::lip_red, -0.2f * rugged), shift(Trait::eye_open, -0.4f * rugged);
  shift(Trait::hair_length, -0.45f * rugged), shift(Trait::fringe, -0.15f * rugged);
  shift(Trait::nose_height, 0.3f * rugged);
  shift(Trait::hair_recede, rugged > 0 ? 0.2f * id[Trait::age] : -0.5f);
  const float old = std::max(0.0f, id[Trait::age] - 0.45f);
  shift(Trait::hair_gray, 1.2f * old * static_cast<float>(random.uniform()));
  const bool bearded = rugged > 0.1f && random.chance(0.45);
  const double most = bearded ? 1 : rugged > 0 ? 0.25 : 0;
  id[Trait::beard] = static_cast<float>(most * random.uniform(0.3, 1));
  id[Trait::moustache] = static_cast<float>(most * random.uniform(0.2, 1));
}

void draw_marks(Identity& id, Random& random) {
  static constexpr int kCounts[] = {0, 0, 1, 1, 2, 2, 3, 4};
  // Forehead, cheeks, beside the mouth, chin: where neither eyes nor nose nor mouth hide them.
  static constexpr float kPlaces[][4] = {
      {-26, 26, -30, -18}, {13, 32, 12, 34}, {-32, -13, 12, 34}, {-18, 18, 50, 60}, {19, 27, 32, 50}};
  id.mark_count = kCounts[random.below(8)];
  for (int i = 0; i < id.mark_count; ++i) {
    Mark& m = id.marks[i];
    const float* place = kPlaces[random.below(std::size(kPlaces))];
    m.x = static_cast<float>(random.uniform(place[0], place[1]));
    m.y = static_cast<float>(random.uniform(place[2], place[3]));
    m.radius = static_cast<float>(random.uniform(0.9, 2.0)),
    m.dark = static_cast<float>(random.uniform(0.45, 0.9));
    m.dx = m.dy = 0;
  }
  if (!random.chance(0.15)) return;
  const double turn = random.uniform(0, 3.14159265), length = random.uniform(5, 13);
  id.marks[id.mark_count++] = {
      static_cast<float>(random.uniform(-28, 28)),
      static_cast<float>(random.uniform(-28, 50)),
      static_cast<float>(random.uniform(0.7, 1.2)),
      -static_cast<float>(random.uniform(0.2, 0.45)),  // negative: lighter than the skin
      static_cast<float>(length * std::cos(turn)),
      static_cast<float>(length * std::sin(turn))};
}

}  // namespace

const TraitInfo& trait_info(Trait trait) { return kInfo[static_cast<int>(trait)]; }

Identity draw_identity(uint64_t seed, int64_t identity, const GroupShares& shares) {
  Random random({seed, Purpose::identity, static_cast<uint64_t>(identity), 0});
  Identity id;
  id.group = draw_group(random, shares);
  for (int t = 0; t < kTraits; ++t) {
    TraitInfo info = kInfo[t];
    for (const Shift& s : kShifts) {
      if (s.group == id.group && static_cast<int>(s.trait) == t)
        info.mean = s.mean, info.deviation = s.deviation;
    }
    id.traits[t] = into_range(info, info.mean + info.deviation * random.normal());
  }
  correlate(id, random);
  draw_marks(id, random);
  return id;
}

}  // namespace fr
