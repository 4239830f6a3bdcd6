// Folders of pictures. Internal to data/.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace fr::folder {

std::string lower_extension(const std::filesystem::path& path);  // ".jpg"
bool is_picture(const std::filesystem::path& path);  // by extension: jpg, jpeg, png, bmp, pgm, ppm

// Throws Error{io} when there is no such folder.
void require_folder(const std::filesystem::path& root);
// Entries of a folder, sorted bytewise. Error{io}: a folder that cannot be read is not an empty one.
std::vector<std::filesystem::directory_entry> list_folder(const std::filesystem::path& folder);

}  // namespace fr::folder
