#include "reason.h"

static const struct reason_info table[] = {
#define X(name, status, text) { #name, status, text },
	REASONS(X)
#undef X
};

const struct reason_info *
reason_info(enum reason r)
{
	return (unsigned)r < REASON_N ? &table[r] : &table[REASON_internal];
}
