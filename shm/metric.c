#include "metric.h"

_Static_assert(METRIC_COUNTERS_LAST - METRIC_COUNTERS_FIRST ==
		   COUNTER_tls_resumed - COUNTER_connections,
	       "the plain counters stand together on the board");

#define COUNTER "counter"
#define GAUGE "gauge"
#define HISTOGRAM "histogram"

static const struct metric_info table[METRIC_N] = {
#define X(name, type, labels, help) { "yett_" #name, type, labels, help },
	METRICS(X)
#undef X
#define X(name, help) { "yett_" #name "_total", COUNTER, "", help },
	    BOARD_PLAIN_COUNTERS(X)
#undef X
#define X(name, type, labels, help) { "process_" #name, type, labels, help },
		METRICS_OF_PROCESSES(X)
#undef X
#define X(name, type, labels, help) { "gateway_" #name, type, labels, help },
		    METRICS_OF_RENKU(X)
#undef X
};

const struct metric_info *
metric_info(enum metric m)
{
	return &table[m];
}
