#pragma once

/*
 * answer: what the gateway says itself: refusals, failures, the admin pages.
 */

#include "request.h"

/* What r->reason stands for, in the words and with the status of the profile in force. */
struct reason_info answer_info(const struct request *r);
/* The answer for r->reason: the operator's page, our page, or application/problem+json (RFC 9457),
 * by Accept. */
void answer_reason(struct request *r);
/* Does the client take it, and say so? For a type in full. */
bool answer_accepts(const struct request *r, struct slice type);
/* Would it have a page rather than JSON? */
bool answer_wants_html(const struct request *r);
/* RFC 9457, appended. */
void answer_problem(struct request *r, int status, const struct reason_info *info, struct buf *out);
/* A page of its own. `content_type` NULL: none is named. `extra`: whole header lines, or empty. */
void answer_body(struct request *r, int status, const char *content_type, struct slice body,
		 struct slice extra);
