#include "number.h"

#include "value.h"

struct unit {
	const char *name;
	int64_t factor;
};

static const struct unit none[] = { { "", 1 }, { 0 } };
static const struct unit durations[] = {
	{ "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 },
	{ "ms", 1 },       { "", 1000 },     { 0 },
};
static const struct unit sizes[] = {
	{ "g", 1 << 30 }, { "m", 1 << 20 }, { "k", 1 << 10 }, { "", 1 }, { 0 },
};

static const struct unit *
units_of(enum setting_type type)
{
	if (type == SETTING_DURATION || type == SETTING_SECONDS)
		return durations;
	return type == SETTING_SIZE ? sizes : none;
}

const char *
number_kind(enum setting_type type)
{
	const struct unit *units = units_of(type);

	return units == none ? "number" : units == sizes ? "size" : "duration";
}

enum number_fault
number_parse(enum setting_type type, struct slice text, int64_t *out)
{
	const struct unit *unit = units_of(type);
	bool negative = type == SETTING_SIGNED && text.n > 0 && text.p[0] == '-';
	size_t i = negative ? 1 : 0, first = i;
	bool huge = false;
	int64_t v = 0;

	*out = 0;
	if (unit != none && slice_ieq(text, SLICE("off")))
		return NUMBER_OK;
	for (; i < text.n && text.p[i] >= '0' && text.p[i] <= '9'; i++) {
		huge = huge || v > INT64_MAX / 10 - 1;
		v = huge ? 0 : v * 10 + (text.p[i] - '0');
	}
	if (i == first)
		return NUMBER_MALFORMED;
	text = slice_make(text.p + i, text.n - i);
	while (unit->name && !slice_ieq(slice_of(unit->name), text))
		unit++;
	if (!unit->name)
		return NUMBER_MALFORMED;
	if (huge || __builtin_mul_overflow(v, negative ? -unit->factor : unit->factor, out))
		return NUMBER_HUGE;
	return NUMBER_OK;
}

void
value_format_number(enum setting_type type, int64_t value, struct buf *out)
{
	const struct unit *unit = units_of(type);

	if (unit != none && value == 0) {
		buf_adds(out, SLICE("off"));
		return;
	}
	/* "90s" rather than "1m30s", but "2m". */
	while (unit[1].name && *unit[1].name && value % unit->factor != 0)
		unit++;
	if (value % unit->factor != 0)
		unit++;
	buf_addf(out, "%lld%s", (long long)(value / unit->factor), unit->name);
}

void
number_store(void *field, size_t width, uint64_t value)
{
	switch (width) {
	case 1:
		*(uint8_t *)field = (uint8_t)value;
		break;
	case 2:
		*(uint16_t *)field = (uint16_t)value;
		break;
	case 4:
		*(uint32_t *)field = (uint32_t)value;
		break;
	default:
		*(uint64_t *)field = value;
	}
}

uint64_t
number_load(const void *field, size_t width)
{
	switch (width) {
	case 1:
		return *(const uint8_t *)field;
	case 2:
		return *(const uint16_t *)field;
	case 4:
		return *(const uint32_t *)field;
	default:
		return *(const uint64_t *)field;
	}
}
