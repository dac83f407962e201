#pragma once

/*
 * rules_recover: the last good value of a refused key from the history, for a gateway that has not
 * seen it in force: it then serves what the others serve.
 */

#include "lib/buf.h"

#include <stdbool.h>

struct history;
struct revision;
struct rules;

/* For each key that is refused and may have had a good value. Those whose last value was none are
 * known to have closed nothing from here on. */
void rules_recover(struct rules *r, const struct history *h);
/* For those that come later, a member of each revision: the keys of native rules that are refused
 * and never had a good value, a JSON array. Nothing is added to `out`, which is empty, when there
 * are none. `first`: no gateway has looked at the store before, so that what may have been lost was
 * not.
 */
void rules_never(const struct rules *r, bool first, struct buf *out);
/* Does a revision say so of a key that is refused here too, but has a good value? */
bool rules_knows_better(const struct rules *r, const struct revision *revision);
