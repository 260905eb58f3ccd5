/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Telling the user what is wrong, and the exit statuses that go with it.
 */
#ifndef PVMEMCTL_SAY_H
#define PVMEMCTL_SAY_H

/**
 * enum status - exit statuses; the manual page explains them
 * @STATUS_OK: done
 * @STATUS_FAILED: the VMM or the kernel said no, or some of it was not done
 * @STATUS_USAGE: the command line makes no sense
 * @STATUS_NO_DEVICE: no module, or no device
 * @STATUS_DENIED: not for this user
 * @STATUS_UNSUPPORTED: this VMM does not have it
 * @STATUS_REFUSED: it would destroy something, and was not forced
 */
enum status {
	STATUS_OK = 0,
	STATUS_FAILED = 1,
	STATUS_USAGE = 2,
	STATUS_NO_DEVICE = 3,
	STATUS_DENIED = 4,
	STATUS_UNSUPPORTED = 5,
	STATUS_REFUSED = 6,
};

void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Says it, and returns @status for the caller to return. */
enum status fail(enum status status, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* EPERM and EACCES are STATUS_DENIED, all else is STATUS_FAILED. */
enum status status_of_errno(int err);

#endif
