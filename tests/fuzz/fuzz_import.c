/*
 * Rules of other systems as files have them (master/import.h). What is taken over is good, so it is
 * written down as JSON that has it once more. The first byte says of which system.
 */

#include "lib/buf.h"
#include "lib/json.h"
#include "master/export.h"
#include "master/import.h"
#include "master/rules.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf BUF_CLEAN report = { 0 }, text = { 0 };
	struct rules *rules = rules_new();
	struct json *all;
	struct slice in = slice_make((const char *)data + 1, size - (size > 0));

	if (size > 0 && data[0] == 'a')
		import_ashine(in, "f", rules, &report);
	else if (size > 0 && data[0] == 'n')
		import_nginx(in, "f", rules, &report);
	else if (size > 0)
		import_redx(in, "f", rules, &report);
	export_json(rules, &text);
	assert(json_parse(buf_slice(&text), SIZE_MAX, JSON_DEPTH_MAX, &all) == 0);
	json_free(all);
	rules_free(rules);
	return 0;
}
