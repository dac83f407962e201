#include "command_status_limits.h"

#include "command_table.h"

static void
write_fleet(const struct json *fleet, bool colours, struct buf *out)
{
	struct slice error = json_text(json_get(fleet, "error"));
	bool up = answer_true(fleet, "up");

	if (!fleet || json_kind(fleet) != JSON_OBJECT)
		return;
	columns_paint(colours, up ? COLOUR_GOOD : COLOUR_WARN, "\nfleet", out);
	buf_addf(out, "   %.0f gateways %s their rates, %.0f keys",
		 answer_number(fleet, "gateways"), up ? "count together" : "share out",
		 answer_number(fleet, "keys"));
	if (error.n > 0)
		buf_addf(out, ": %.*s", SLICE_F(error));
	buf_addc(out, '\n');
}

void
command_status_limits(const struct json *root, bool colours, struct buf *out)
{
	static const char *const titles[] = { "LIMIT", "REFUSED", "WOULD HAVE", NULL };
	const struct json *limits = json_get(root, "limits");
	const struct json *l = json_first(json_get(limits, "refusing"));
	double keys = answer_number(limits, "keys"), used = answer_number(limits, "keys_used");
	struct columns c;

	if (keys > 0 && used >= keys / 2) {
		columns_paint(colours, COLOUR_WARN, "\nrates", out);
		buf_addf(out, "   %.0f of %.0f keys of limits.rate_memory are in use\n", used,
			 keys);
	}
	write_fleet(json_get(root, "fleet"), colours, out);
	if (!l)
		return;
	columns_init(&c, 3, colours);
	command_head(&c, titles);
	for (; l; l = json_next(l)) {
		command_field(&c, l, "name");
		command_field(&c, l, "refused");
		command_field(&c, l, "shadowed");
	}
	buf_addc(out, '\n');
	columns_write(&c, out);
	columns_deinit(&c);
}
