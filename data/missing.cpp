#include "data/missing.h"

#include "base/error.h"

namespace fr {

namespace fs = std::filesystem;

MissingPictures find_missing(const fs::path& list, const fs::path& root, std::span<const std::string> names,
                             Missing policy) {
  constexpr size_t kShown = 5;
  MissingPictures result{std::vector<uint8_t>(names.size(), 0), ""};
  std::string shown;
  size_t missing = 0;
  for (size_t i = 0; i < names.size(); ++i) {
    std::error_code error;
    if (fs::is_regular_file(root / names[i], error)) continue;
    result.lost[i] = 1;
    if (missing++ < kShown) shown += (shown.empty() ? "" : ", ") + names[i];
  }
  if (missing == 0) return result;
  const std::string message = cat(missing, " of ", names.size(), " pictures missing in ", root.string(), ": ",
                                  shown, missing > kShown ? ", ..." : "");
  if (policy == Missing::error || missing == names.size())
    throw Error(ErrorKind::data, cat(list.string(), ": ", message));
  result.note = "left out: " + message;
  return result;
}

}  // namespace fr
