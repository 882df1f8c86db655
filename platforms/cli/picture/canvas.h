// A picture in memory: dots, rectangles, text, and its way into a PNG file. Not: spectrograms.
#ifndef LIGERO_PLATFORMS_CLI_PICTURE_CANVAS_H_
#define LIGERO_PLATFORMS_CLI_PICTURE_CANVAS_H_

#include <cstdint>
#include <string>
#include <vector>

namespace ligero::cli {

struct Colour {
  uint8_t red = 0;
  uint8_t green = 0;
  uint8_t blue = 0;
};

class Canvas {
 public:
  Canvas(int width, int height, Colour background);

  int width() const {
    return width_;
  }
  int height() const {
    return height_;
  }
  /// What lies outside the picture is left out.
  void dot(int x, int y, Colour colour);
  void fill(int x, int y, int width, int height, Colour colour);
  /// The upper left corner of the first letter at (x, y); every dot `scale` wide.
  void text(int x, int y, int scale, const std::string& line, Colour colour);
  static int text_width(const std::string& line, int scale);

  /// Eight bits per channel; the file is written whole or not at all.
  void write_png(const std::string& path) const;

 private:
  int width_;
  int height_;
  std::vector<uint8_t> rgb_;
};

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_PICTURE_CANVAS_H_
