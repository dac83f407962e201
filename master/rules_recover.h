#pragma once

/*
 * rules_recover: the last good value of a refused key from the history, for a gateway that has not
 * seen it in force: it then serves what the others serve.
 */

struct history;
struct rules;

/* For each key that is refused and may have had a good value. Those whose last value was none are
 * known to have closed nothing from here on. */
void rules_recover(struct rules *r, const struct history *h);
