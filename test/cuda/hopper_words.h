// Whether the words of cuda/hopper.h do what their comments say, each by itself: on a card before the convolution is believed,
// and in the emulator, which has the same reading of the manual built in. Expected values come from the definition of what is
// copied or multiplied, all small whole numbers, so that they must agree to the bit.
#pragma once
#include <string>
#include <vector>

namespace fr {
namespace cuda {
std::vector<std::string> check_hopper_words();  // a sentence per fault
}
namespace emulated {
std::vector<std::string> check_hopper_words();
}
}  // namespace fr
