// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "size.h"

static const char units[] = "KMGTPE";

/* strtoull() takes signs and blanks as well, and what begins with 0 as octal. */
static bool digits(const char *text, uint64_t *value, const char **end)
{
	int base = 10;
	char *stop;

	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		base = 16;
		text += 2;
	}
	if (base == 16 ? !isxdigit((unsigned char)*text) :
			 !isdigit((unsigned char)*text))
		return false;
	errno = 0;
	*value = strtoull(text, &stop, base);
	*end = stop;
	return !errno;
}

bool parse_number(const char *text, uint64_t *value)
{
	const char *end;

	return digits(text, value, &end) && !*end;
}

bool parse_size(const char *text, uint64_t *value)
{
	const char *end, *unit;
	unsigned int shift;

	if (!digits(text, value, &end))
		return false;
	if (!*end)
		return true;
	unit = strchr(units, toupper((unsigned char)*end));
	if (!unit)
		return false;
	if (end[1] && strcasecmp(end + 1, "iB"))
		return false;
	shift = 10 * (unit - units + 1);
	if (*value > UINT64_MAX >> shift)
		return false;
	*value <<= shift;
	return true;
}

bool parse_seconds(const char *text, uint64_t *ms)
{
	uint64_t fraction = 0, unit = 100;
	const char *end;

	if (!isdigit((unsigned char)*text) || !digits(text, ms, &end) ||
	    *ms > 24 * 3600)
		return false;
	if (*end == '.') {
		/* What is less than a millisecond adds nothing. */
		for (end++; isdigit((unsigned char)*end); end++) {
			fraction += unit * (*end - '0');
			unit /= 10;
		}
	}
	*ms = *ms * 1000 + fraction;
	return !*end && *ms;
}

char *format_size(char *text, uint64_t bytes)
{
	double scaled = bytes;
	int unit = -1;

	/* From 999.5 on it would be printed as 1000. */
	while (scaled >= 999.5 && units[unit + 1]) {
		scaled /= 1024;
		unit++;
	}
	if (unit < 0)
		snprintf(text, SIZE_TEXT, "%" PRIu64, bytes);
	else
		snprintf(text, SIZE_TEXT, "%.*f%c", scaled < 9.95 ? 1 : 0,
			 scaled, units[unit]);
	return text;
}
