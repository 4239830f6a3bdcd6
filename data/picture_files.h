// Which files are pictures, by their names.
#pragma once
#include <filesystem>
#include <string>

namespace fr {

std::string lower_extension(const std::filesystem::path& path);  // ".jpg"; "" when there is none
bool is_picture(const std::filesystem::path& path);           // .jpg .jpeg .png .bmp .pgm .ppm, in any case
bool is_writable_picture(const std::filesystem::path& path);  // what save_image() takes: these without .bmp

}  // namespace fr
