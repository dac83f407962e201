#pragma once

/*
 * cors: the CORS protocol (Fetch Standard, section 3.3) for a route that names origins: preflights
 * are answered here, and every answer, the gateway's own too, says whether the page may read it.
 */

#include "request.h"

/* Is it a preflight? *asked: for which method. */
/* METHOD_OTHER for what is none of those that everybody knows. */
enum table_method cors_method(struct slice name);
bool cors_is_preflight(const struct request *r, enum table_method *asked);
/* Answers it. */
void cors_answer(struct request *r);
/* Is it of a page that may ask in the name of who has the cookie, and read the answer? */
bool cors_trusts(const struct request *r);
/* Fields of CORS in an answer of the upstream: ours stand in their place. */
bool cors_drops(struct slice name);
/* The fields for an answer of this route. */
size_t cors_room(const struct request *r);
char *cors_put(char *o, const struct request *r);
