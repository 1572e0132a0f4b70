/* memory.c - how much of it this process has in use. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Resident bytes; a whole page of any kind counts. */
double memory_used(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	char line[128] = "";
	const char *resident;

	if (!file)
		return 0;
	if (!fgets(line, sizeof(line), file))
		line[0] = '\0';
	fclose(file);
	resident = strchr(line, ' ');
	return resident ? (double)strtoul(resident, NULL, 10) *
				  (double)sysconf(_SC_PAGESIZE) :
			  0;
}
