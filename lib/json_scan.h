#pragma once

/*
 * json_scan: is this JSON? cJSON takes much that is not (control characters as spaces, leading
 * zeros, broken UTF-8, text behind the value), so the grammar is checked here, and cJSON only sees
 * what is well-formed.
 */

#include "slice.h"

/* Exactly one value of RFC 8259 with nothing but white space around it, in UTF-8, without U+0000
 * and lone surrogates, numbers of sane length, and at most depth_max arrays and objects within each
 * other. It calls itself for each of those. */
bool json_scan(struct slice text, unsigned depth_max);
/* The next number of a text that json_scan has taken; *rest becomes what is behind it. p == NULL:
 * there is none. */
struct slice json_scan_number(struct slice *rest);
