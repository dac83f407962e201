/*
 * json_write: the way back.
 */

#include "json.h"

#include "buf.h"

static void
write_members(const struct json *v, struct buf *out)
{
	bool object = json_kind(v) == JSON_OBJECT;

	buf_addc(out, object ? '{' : '[');
	for (const struct json *m = json_first(v); m; m = json_next(m)) {
		if (m != json_first(v))
			buf_addc(out, ',');
		if (object) {
			buf_add_json(out, json_name(m));
			buf_addc(out, ':');
		}
		json_write(m, out);
	}
	buf_addc(out, object ? '}' : ']');
}

void
json_write(const struct json *v, struct buf *out)
{
	struct slice exact = json_number_text(v);
	double number = 0;

	switch (json_kind(v)) {
	case JSON_NULL:
		buf_adds(out, SLICE("null"));
		break;
	case JSON_FALSE:
		buf_adds(out, SLICE("false"));
		break;
	case JSON_TRUE:
		buf_adds(out, SLICE("true"));
		break;
	case JSON_NUMBER:
		json_number(v, &number);
		if (exact.p)
			buf_adds(out, exact);
		else
			buf_add_double(out, number);
		break;
	case JSON_STRING:
		buf_add_json(out, json_text(v));
		break;
	case JSON_ARRAY:
	case JSON_OBJECT:
		write_members(v, out);
		break;
	}
}
