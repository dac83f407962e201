/*
 * `yett schema`: what editors and other programs check a configuration or rules by.
 */

#include "command.h"

#include "openapi.h"
#include "schema.h"

#include "lib/buf.h"

#include <stdio.h>
#include <string.h>

int
command_schema(const struct command_options *o)
{
	struct buf BUF_CLEAN out = { 0 };
	const char *what = o->words[0] ? o->words[0] : "";

	if (strcmp(what, "config") == 0) {
		schema_config(&out);
	} else if (strcmp(what, "rules") == 0) {
		schema_rules(&out);
	} else if (strcmp(what, "api") == 0) {
		openapi_write(&out);
	} else {
		fprintf(stderr, "yett schema: which one? write yett schema config, rules or api\n");
		return COMMAND_UNREADABLE;
	}
	return fwrite(out.p, 1, out.n, stdout) == out.n && fflush(stdout) == 0 ? COMMAND_OK
									       : COMMAND_REFUSED;
}
