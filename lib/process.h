#pragma once

/*
 * process: what the kernel tells of a process (proc(5)). Each file of proc is read at once, and
 * none blocks.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct process_use {
	double cpu_s;    /* of all its threads, in user and kernel mode */
	double started;  /* seconds since 1970; the same at each look of one caller */
	uint64_t memory; /* bytes that are resident */
};

/* False: there is no such process, or it is not shown to us. */
bool process_read(pid_t pid, struct process_use *out);
/* Bytes of memory that it shares with nobody and, unless NULL, that it shares. 0: no such process.
 */
uint64_t process_memory(pid_t pid, uint64_t *shared);
/* Its open descriptors; 0: it does not let us look. Before Linux 6.2 this takes time by their
 * number. */
uint64_t process_descriptors(pid_t pid);
/* How many it may have; 0: unknown. */
uint64_t process_descriptors_max(pid_t pid);
