// Drawing and PNG output, through libpng's simple interface. Not: what is drawn.
#include "platforms/cli/picture/canvas.h"

#include <png.h>

#include <cstddef>
#include <span>

#include "platforms/cli/files.h"
#include "platforms/cli/picture/font.h"
#include "platforms/cli/refusal.h"

namespace ligero::cli {

namespace {

constexpr int kChannels = 3;

}  // namespace

Canvas::Canvas(int width, int height, Colour background)
    : width_(width), height_(height), rgb_(static_cast<size_t>(width) * height * kChannels) {
  fill(0, 0, width, height, background);
}

void Canvas::dot(int x, int y, Colour colour) {
  if (x < 0 || y < 0 || x >= width_ || y >= height_) {
    return;
  }
  uint8_t* at = rgb_.data() + (static_cast<size_t>(y) * width_ + x) * kChannels;
  at[0] = colour.red;
  at[1] = colour.green;
  at[2] = colour.blue;
}

void Canvas::fill(int x, int y, int width, int height, Colour colour) {
  for (int row = y; row < y + height; ++row) {
    for (int column = x; column < x + width; ++column) {
      dot(column, row, colour);
    }
  }
}

void Canvas::text(int x, int y, int scale, const std::string& line, Colour colour) {
  for (const char c : line) {
    const Glyph& g = glyph(c);
    const int top = y + (hangs(c) ? kGlyphDrop * scale : 0);
    for (int row = 0; row < kGlyphRows; ++row) {
      for (int column = 0; column < kGlyphColumns; ++column) {
        if ((g.rows[row] >> (kGlyphColumns - 1 - column) & 1) != 0) {
          fill(x + column * scale, top + row * scale, scale, scale, colour);
        }
      }
    }
    x += kGlyphAdvance * scale;
  }
}

int Canvas::text_width(const std::string& line, int scale) {
  return static_cast<int>(line.size()) * kGlyphAdvance * scale - (line.empty() ? 0 : scale);
}

void Canvas::write_png(const std::string& path) const {
  png_image image = {};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(width_);
  image.height = static_cast<png_uint_32>(height_);
  image.format = PNG_FORMAT_RGB;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
  std::vector<std::byte> bytes(size);
  if (png_image_write_to_memory(&image, bytes.data(), &size, 0, rgb_.data(), 0, nullptr) == 0) {
    refuse("cannot encode '", path, "': ", image.message);
  }
  write_output(path, std::span<const std::byte>(bytes).first(size));
}

}  // namespace ligero::cli
