#pragma once

/*
 * number: numbers, durations and sizes as text, and fields of any width.
 */

#include "settings.h"

enum number_fault { NUMBER_OK, NUMBER_MALFORMED, NUMBER_HUGE };

/* SETTING_INT, SIGNED, DURATION and SECONDS (both give ms: "500ms" "5s" "10m" "2h" "1d", a bare
 * number is seconds) or SIZE ("64k" "10m" "1g" of 1024, or bytes). "off" is 0 for the last three.
 */
enum number_fault number_parse(enum setting_type type, struct slice text, int64_t *out);
/* "number", "duration", "size". */
const char *number_kind(enum setting_type type);
/* A field of 1, 2, 4 or 8 bytes. */
void number_store(void *field, size_t width, uint64_t value);
uint64_t number_load(const void *field, size_t width);
