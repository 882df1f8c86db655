// The letters of the tool's pictures: 5 x 7 dots, drawn for ligero. Not: drawing (canvas.h).
#ifndef LIGERO_PLATFORMS_CLI_PICTURE_FONT_H_
#define LIGERO_PLATFORMS_CLI_PICTURE_FONT_H_

#include <cstdint>

namespace ligero::cli {

inline constexpr int kGlyphColumns = 5;
inline constexpr int kGlyphRows = 7;
inline constexpr int kGlyphAdvance = 6;
inline constexpr int kGlyphDrop = 2;  ///< rows by which a letter with a tail sits lower

/// One character: rows from the top, the highest of five bits is the left dot.
struct Glyph {
  char character;
  uint8_t rows[kGlyphRows];
};

/// The glyph of `c`; a frame for a character that has none.
const Glyph& glyph(char c);

/// Whether `c` hangs below the line (g, j, p, q, y, comma, semicolon).
bool hangs(char c);

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_PICTURE_FONT_H_
