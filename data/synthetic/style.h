// Rendering styles: the same people as different data sets show them. Who a person is does not depend on the style; what
// is drawn for a picture does.
//   0 snapshot       by people, with cameras of all kinds: the groups differ in how they are photographed (scene.cpp)
//   1 studio         frontal, soft white lamps, a plain backdrop, a sharp camera
//   2 surveillance   from above, few pixels, enlarged; pale, grainy and strongly compressed
//   3 infrared       grey, lamp beside the lens, dark surroundings; skin and lips are brighter than in visible light
//   4 stage          one hard coloured lamp from the side, a dim lamp of another colour, dark surroundings
#pragma once
#include "base/philox.h"
#include "data/synthetic/scene.h"

namespace fr {

constexpr int kStyles = 5;
const char* style_name(int style);  // throws std::invalid_argument beyond 0 .. kStyles - 1

namespace synthetic {

// Changes a scene that was drawn as a snapshot; `random` goes on where that ended. Style 0 changes and draws nothing.
void restyle(Scene& scene, int style, Random& random);

}  // namespace synthetic
}  // namespace fr
