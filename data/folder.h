// Folders of pictures, and which files are pictures by their names.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace fr::folder {

std::string lower_extension(const std::filesystem::path& path);  // ".jpg"; "" when there is none
bool is_picture(const std::filesystem::path& path);           // .jpg .jpeg .png .bmp .pgm .ppm, in any case
bool is_writable_picture(const std::filesystem::path& path);  // what save_image() takes: these without .bmp

// Throws Error{io} when there is no such folder.
void require_folder(const std::filesystem::path& root);
// Entries of a folder, sorted bytewise. Error{io}: a folder that cannot be read is not an empty one.
std::vector<std::filesystem::directory_entry> list_folder(const std::filesystem::path& folder);
// The files below the folder that are pictures by their names, sorted. Links to files are followed, links to folders are not; a
// link that leads nowhere is among them, so that who reads it names it. Error{io} names the folder that cannot be read.
std::vector<std::filesystem::path> picture_files(const std::filesystem::path& root);

// Who is on a picture by its path: the folder it lies in, or else its name without the number: "Ann/1.jpg" -> "Ann",
// "Ann_Lee_0002.jpg" -> "Ann_Lee".
std::string person_of(const std::filesystem::path& picture);
std::string without_number(const std::filesystem::path& picture);  // "faces/Ann_Lee_0002.jpg" -> "Ann_Lee"

}  // namespace fr::folder
