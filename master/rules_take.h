#pragma once

/*
 * rules_take: of what rules_read found in a text what is a rule.
 */

#include "rules_text.h"

#define RULES_MEMBER_MAX ((size_t)1 << 30) /* bytes of one member, or of the rest */

enum rules_section { SECTION_NONE, SECTION_FRONTENDS, SECTION_BACKENDS, SECTION_NATIVES, SECTIONS };

/* A member of a section but the first, both as they stand in the text. `over`: it may be there
 * already. False: it is of no form that we write. */
bool rules_take(struct rules *r, enum rules_section section, bool over, struct slice name,
		struct slice value);
/* The object of all that is in no section, once those were taken. False as above; else the revision
 * is the caller's, or NULL. */
bool rules_take_rest(struct rules *r, struct slice text, int64_t *saved_at,
		     struct revision **revision);
