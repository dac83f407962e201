#pragma once

/*
 * translate: bodies of a route that has them translated (r->action->translation), which are
 * collected for it: the request's behind the policies, so that no endpoint waits for a slow client;
 * the answer's in the step `response`. No other route comes here.
 */

#include "request.h"

/* The request's body is as its upstream shall have it, or there is nothing to do: NEXT. WAIT: the
 * rest of it has to come first. REPLY: it cannot be translated. */
enum result translate_request(struct request *r);
/* Is it the translation that sets the limit on its size? */
bool translate_limits(const struct request *r);
/* What the upstream is told of it; at most TRANSLATE_ROOM bytes. */
#define TRANSLATE_ROOM 32
char *translate_put_request(char *o, const struct request *r);

/* The head of the final answer came: is its body collected (r->translating) from here on? */
bool translate_begin(struct request *r);
/* What came of the body so far is taken: WAIT for more. At its end the translated answer goes out
 * (NEXT), or one of ours (REPLY). */
enum result translate_answer(struct request *r);
