// The message of what a function throws; "nothing" when it throws nothing. Anything but an E passes through.
#pragma once
#include <exception>
#include <string>

namespace fr {

template <class E, class F>
std::string thrown(const F& f) {
  try {
    f();
  } catch (const E& e) {
    return e.what();
  }
  return "nothing";
}

}  // namespace fr
