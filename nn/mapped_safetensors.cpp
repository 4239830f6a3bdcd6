#include "nn/mapped_safetensors.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "nn/safetensors_layout.h"

namespace fr {
namespace {

using namespace safetensors;

// The bytes of a file, mapped for reading.
class Mapping {
 public:
  explicit Mapping(const fs::path& path) {
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) fail(path, "cannot be opened", errno);
    struct stat status;
    const int error = fstat(fd, &status) != 0 ? errno : !S_ISREG(status.st_mode) ? EINVAL : 0;
    if (error == 0 && status.st_size > 0) {
      size_ = size_t(status.st_size);
      data_ = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0);
    }
    const int map_error = data_ == MAP_FAILED ? errno : error;
    close(fd);
    if (map_error != 0) fail(path, "cannot be mapped", map_error);
  }
  ~Mapping() {
    if (data_) munmap(data_, size_);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  Bytes bytes() const { return {static_cast<const uint8_t*>(data_), size_}; }

 private:
  [[noreturn]] static void fail(const fs::path& path, const char* what, int error) {
    throw Error(ErrorKind::io, cat(path.string(), ": ", what, ": ", std::strerror(error)));
  }
  void* data_ = nullptr;
  size_t size_ = 0;
};

template <class T>
constexpr const char* kTypeName = "I64";
template <>
constexpr const char* kTypeName<float> = "F32";

bool fits(const Shape& found, const Shape& wanted) {
  return found.size() == wanted.size() &&
         std::equal(found.begin(), found.end(), wanted.begin(),
                    [](int64_t size, int64_t want) { return want == -1 || size == want; });
}

}  // namespace

struct MappedSafetensors::File {
  File(const fs::path& path, const SafetensorsLimits& limits)
      : mapping(path), name(path.string()), layout(read_layout(mapping.bytes(), name, limits)) {}

  const StoredTensor* find(const std::string& tensor) const {
    for (const StoredTensor& t : layout.tensors)
      if (t.name == tensor) return &t;
    return nullptr;
  }
  const StoredTensor& needed(const std::string& tensor) const {
    if (const StoredTensor* t = find(tensor)) return *t;
    throw Error(ErrorKind::data, cat(name, ": tensor ", quoted(tensor), " is missing"));
  }

  Mapping mapping;
  std::string name;
  Layout layout;
};

MappedSafetensors::MappedSafetensors(const fs::path& path, const SafetensorsLimits& limits)
    : file_(std::make_unique<File>(path, limits)) {}
MappedSafetensors::~MappedSafetensors() = default;
MappedSafetensors::MappedSafetensors(MappedSafetensors&&) noexcept = default;
MappedSafetensors& MappedSafetensors::operator=(MappedSafetensors&&) noexcept = default;

const Metadata& MappedSafetensors::metadata() const { return file_->layout.metadata; }
bool MappedSafetensors::contains(const std::string& tensor) const { return file_->find(tensor) != nullptr; }
const Shape& MappedSafetensors::shape(const std::string& tensor) const { return file_->needed(tensor).shape; }
void MappedSafetensors::verify() const { check_checksums(file_->layout, file_->name); }

template <class T>
std::span<const T> MappedSafetensors::values(const std::string& tensor, const Shape& shape) const {
  const StoredTensor& t = file_->needed(tensor);
  const Bytes bytes = file_->layout.bytes_of(t);
  const auto fail = [&](const auto&... what) {
    throw Error(ErrorKind::data, cat(file_->name, ": tensor ", quoted(tensor), ": ", what...));
  };
  if (t.type != kTypeName<T>) fail("expected dtype ", kTypeName<T>, ", got ", t.type);
  if (!fits(t.shape, shape))
    fail("expected shape ", to_string(shape), " (-1: any), got ", to_string(t.shape));
  if (reinterpret_cast<uintptr_t>(bytes.data()) % alignof(T) != 0)
    fail("its data begin at byte ", t.begin,
         " behind a header that leaves them unaligned; write the file anew");
  return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
}
template std::span<const float> MappedSafetensors::values(const std::string&, const Shape&) const;
template std::span<const int64_t> MappedSafetensors::values(const std::string&, const Shape&) const;

}  // namespace fr
