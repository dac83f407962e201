#pragma once

/*
 * hub_text: bytes of a charset as text of JSON, in ASCII, as Python writes it.
 */

#include "lib/buf.h"

#include <stdint.h>

enum charset { CHARSET_UTF8, CHARSET_ASCII, CHARSET_LATIN1, CHARSET_WINDOWS };

void hub_text_char(struct buf *out, uint32_t c);
/* U+FFFD for what is none. */
void hub_text_chars(struct buf *out, struct slice s, enum charset charset);
/* The same with quotes. */
void hub_text_string(struct buf *out, struct slice s, enum charset charset);
