#pragma once

/*
 * schema: the table of settings as a JSON Schema (2020-12), so that editors complete and check what
 * people write. It says what a key is called, of which type, in which range; what only a whole
 * configuration can tell (a route whose upstream is not there) is `yett check`'s. Where the reader
 * takes more than one spelling, the schema has the one that is documented: words in their own
 * case, numbers without quotes.
 */

#include <stdbool.h>

struct buf;
struct setting;

/* Of yett.yaml. */
void schema_config(struct buf *out);
/* Of what `yett apply` takes; a single rule as the store has it is in its $defs. */
void schema_rules(struct buf *out);

/* The keywords of one value that has no children, with a comma between them and none at the ends
 * (schema_value.c). */
void schema_value(const struct setting *s, struct buf *out);
/* "description", "default" and (where they are wanted) "examples", each with a comma behind it. */
void schema_notes(const struct setting *s, bool examples, struct buf *out);
/* The members of $defs that values refer to (schema_defs.c). */
void schema_defs(struct buf *out);
