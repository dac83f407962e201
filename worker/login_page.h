#pragma once

/*
 * login_page: the pages that people see around a login. They stand on their own: no script, no
 * picture, nothing from elsewhere, and whatever is not a literal is escaped.
 */

#include "lib/buf.h"

struct login_action {      /* of a person: a link, or a button that posts */
	const char *label; /* NULL: there is none */
	struct slice href;
	bool post;
	struct slice place; /* of a button: sent along as redirect_url; empty: not */
};

struct login_page {
	const char *title;
	struct slice text;
	const char *reason; /* "" where nothing went wrong */
	struct slice id;    /* of the request */
	struct login_action first, second;
};

void login_page_write(const struct login_page *page, struct buf *out);
/* Whole header lines for such a page (or for any answer of a login): it is kept by nobody, shown in
 * no frame, and tells no other site where one came from. `posts`: it has a button. */
void login_page_fields(bool posts, struct buf *out);
