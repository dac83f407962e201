#pragma once

/*
 * import_nginx_text: nginx' configuration as directives: words up to ';', '{' or '}'. Knows none of
 * them.
 */

#include "lib/slice.h"

#define NGINX_WORDS 64 /* of one directive; more are left out */

struct nginx_text {
	struct slice rest;               /* behind the directive */
	size_t line;                     /* from 1, where `rest` begins */
	size_t at;                       /* line of the directive */
	struct slice words[NGINX_WORDS]; /* without their quotes; escapes are not undone */
	size_t count;
};

/* The next one: what it ends with, which is ';', '{' or '}'. NUL: there is none, or it does not
 * end. */
char nginx_directive(struct nginx_text *t);
