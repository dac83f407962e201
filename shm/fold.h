#pragma once

/*
 * fold: header names as a liberal reader sees them (CGI and its heirs make '-' and '.' into '_',
 * and ignore case), and the filter over them that the table keeps (table_global.strip_lengths).
 */

#include "lib/slice.h"

#include <stdint.h>

/* Lower case; '_' and '.' are '-'. */
static inline char
fold_char(char c)
{
	return c == '_' || c == '.' ? '-' : ascii_lower(c);
}

/* Row of the filter for a name's first byte. */
static inline unsigned
fold_class(char first)
{
	return (unsigned char)fold_char(first) & 31;
}

/* Bit of the filter for a name's length. */
static inline uint64_t
fold_length(size_t n)
{
	return 1ull << (n < 63 ? n : 63);
}

/* Bits for all names that `name` stands for: its own length, or as a prefix every length from its
 * own on. */
static inline uint64_t
fold_lengths(size_t n, bool prefix)
{
	return prefix ? ~(fold_length(n) - 1) : fold_length(n);
}
