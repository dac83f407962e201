#pragma once

/*
 * dashboard: the page for people with a browser, at /dashboard of the admin listeners, and at / for
 * whoever wants a page. It is the same for everybody and tells nothing: its script asks the admin
 * API, as any program does. Its source is etc/dashboard; the build makes one text of it.
 */

#include "request.h"

bool dashboard_is_asked(const struct request *r);
enum result dashboard_step(struct request *r);

/* What etc/dashboard/embed makes: the page, and the digests of its style and its script as
 * Content-Security-Policy takes them. */
extern const char dashboard_page[], dashboard_style[], dashboard_script[];
extern const size_t dashboard_page_n;
