// A person who does not exist: a vector of traits drawn from (seed, identity). Every trait has a fixed range; the four
// groups are ground-truth domains that differ in frequency, in the distribution of some traits and, later, in how they
// are photographed. The groups are abstract: they stand for no population.
#pragma once
#include <array>
#include <cstdint>

namespace fr {

constexpr int kGroups = 4;

// Shape traits are mostly relative (0 is the average face, about one standard deviation per unit); colour traits and
// amounts are in [0, 1]. The ranges are in trait_info().
enum class Trait {
  build,  // 0 delicate, 1 rugged: shifts jaw, brows, hair and beard together
  age,    // 0 young, 1 old
  // Outline of the head.
  face_width,
  forehead_width,
  cheekbone,
  jaw_width,
  chin_width,
  chin_length,
  face_depth,
  cheek_fullness,
  // Eyes and brows.
  eye_distance,
  eye_width,
  eye_open,
  eye_tilt,
  eye_depth,
  lid_crease,
  iris_size,
  eye_melanin,
  eye_green,
  brow_height,
  brow_thickness,
  brow_arch,
  brow_tilt,
  brow_gap,
  brow_dark,
  // Nose, mouth, ears.
  nose_length,
  nose_width,
  nose_height,
  nose_hump,
  nose_tip,
  mouth_height,
  mouth_width,
  lip_upper,
  lip_lower,
  cupid_bow,
  lip_red,
  corner_tilt,
  ear_size,
  ear_out,
  // Hair.
  hairline,
  hair_length,
  hair_volume,
  hair_parting,
  hair_curl,
  hair_recede,
  fringe,
  hair_melanin,
  hair_red,
  hair_gray,
  beard,
  moustache,
  // Skin.
  melanin,
  warmth,
  ruddiness,
  freckles,
  blotches,
  glasses,  // how often this person wears them
  count
};
constexpr int kTraits = static_cast<int>(Trait::count);

struct TraitInfo {
  const char* name;
  float low, high, mean, deviation;
};
const TraitInfo& trait_info(Trait trait);

// A mole (length 0) or a scar (a line), in face coordinates: pixels of the 112 template, the origin between the eyes.
struct Mark {
  float x, y, radius, dark, dx, dy;
};

struct Identity {
  std::array<float, kTraits> traits{};
  std::array<Mark, 6> marks{};
  int mark_count = 0;
  int group = 0;
  float operator[](Trait t) const { return traits[static_cast<int>(t)]; }
  float& operator[](Trait t) { return traits[static_cast<int>(t)]; }
};

using GroupShares = std::array<double, kGroups>;
constexpr GroupShares kLongTail = {0.60, 0.25, 0.10, 0.05};

// A pure function of its arguments. `shares` need not sum to one; they must be >= 0 with a positive sum.
Identity draw_identity(uint64_t seed, int64_t identity, const GroupShares& shares = kLongTail);

}  // namespace fr
