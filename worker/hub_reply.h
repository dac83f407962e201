#pragma once

/*
 * hub_reply: what a hub says, as NaaVRE's does: JSON as Python writes it, with a blank behind each
 * comma and colon and nothing but ASCII. Bytes in, bytes out.
 */

#include "lib/buf.h"

#include <stdbool.h>

#define HUB_ANSWER_FIELDS 256u

/* {"message": "...", "reason": null} */
void hub_reply_message(const char *message, struct buf *out);
/* {"sub": ..., "preferred_username": ..., "name": ...}; null for what has no p. */
void hub_reply_me(struct slice sub, struct slice preferred_username, struct slice name,
		  struct buf *out);
/* {"status_code": 200, "reason": "OK", "headers": {...}, "content": "..."}: fields in lower case,
 * those of one name joined; the body as text, by the charset that the answer says (UTF-8, ASCII,
 * ISO 8859-1 and windows-1252; all else is taken for UTF-8), with U+FFFD for what is none. False:
 * there are too many fields. `fields`: whole lines. */
bool hub_reply_answer(int status, struct slice reason, struct slice fields, struct slice body,
		      struct buf *out);
/* Is its body one that has to be decoded first (RFC 9110 section 8.4)? */
bool hub_reply_is_coded(struct slice fields);
