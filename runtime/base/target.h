// SPDX-License-Identifier: Apache-2.0
// What the code cannot be compiled for, said in a sentence, and what a target lacks. Not: which processor runs (cpu.h).
#ifndef LIGERO_RUNTIME_BASE_TARGET_H_
#define LIGERO_RUNTIME_BASE_TARGET_H_

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "ligero: big-endian targets are not supported: files are little-endian and are read in place"
#endif
// The compiler then takes isfinite(x) for true, and one NaN spoils the rest of a session.
#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__ + 0 != 0)
#error "ligero: compiled with -ffast-math or -ffinite-math-only, which remove the guard against NaN; \
remove these flags or add -fno-fast-math -fno-finite-math-only after them"
#endif

/// Of each thread; without an operating system there is one.
#if defined(LIGERO_BARE)
#define LIGERO_THREAD_LOCAL static
#else
#define LIGERO_THREAD_LOCAL thread_local
#endif

#endif  // LIGERO_RUNTIME_BASE_TARGET_H_
