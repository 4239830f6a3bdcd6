// detection_worker WEIGHTS PICTURE THREADS: prints the faces found, "score x1 y1 ... x5 y5" each, and an empty line; then for
// every line of its input detects again and prints the clock's seconds and the processor's. bench/peers/detection.py talks with it.
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <string>

#include "base/parallel.h"
#include "fr/detection/mtcnn.h"

int main(int argc, char** argv) {
  using Clock = std::chrono::steady_clock;
  if (argc != 4) return std::cerr << "detection_worker WEIGHTS PICTURE THREADS\n", 2;
  fr::set_threads(std::atoi(argv[3]));
  const fr::Mtcnn detector(argv[1]);
  const fr::Image image = fr::load_image(argv[2]);
  for (const fr::Face& face : detector.detect(image)) {
    std::cout << face.score;
    for (const fr::Point& p : face.landmarks) std::cout << " " << p.x << " " << p.y;
    std::cout << "\n";
  }
  std::cout << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    const auto start = Clock::now();
    const std::clock_t used = std::clock();
    detector.detect(image);
    std::cout << std::chrono::duration<double>(Clock::now() - start).count() << " "
              << double(std::clock() - used) / CLOCKS_PER_SEC << std::endl;
  }
}
