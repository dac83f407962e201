#pragma once

/*
 * image: the table in force, compiled, beside the last-known-good rules: with it a gateway of many
 * routes serves at once after a restart, while it reads the rules. Only a cache: good for the
 * configuration and the program that it was compiled by, and for the very files of rules that it
 * was written with. No secret is in it: the segment of keys is compiled anew.
 *
 * state_dir/table.base holds the rules that were compiled whole, as they are; state_dir/table what
 * changes more often: an overlay of it, the endpoints, and the numbers that are in both.
 */

#include <stdbool.h>
#include <stdint.h>

struct master;
struct publisher;

/* Is there a table that is worth it, and nothing on its way? */
bool image_is_good(const struct master *m);
/* For the child that saves (save.h); `base`: that is to be written, too. 0 or a negative errno. */
int image_save(const struct master *m, bool base) __attribute__((warn_unused_result));
/* Puts the table that was saved in force (publish_adopt), if it fits. What became of it, where
 * there is one, is told, and noted in master.image. To be called before the first table. */
void image_load(struct master *m);
