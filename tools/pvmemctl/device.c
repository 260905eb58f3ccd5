// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/pvmemcontrol.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "device.h"
#include "sysfs.h"

/* There is no file: is it the module that is missing, or the device? */
static enum status no_device(const char *path)
{
	char **names;
	size_t nr;

	if (sysfs_names("class/pvmemcontrol", &names, &nr))
		return fail(STATUS_NO_DEVICE,
			    "the module pvmemcontrol is not loaded (modprobe pvmemcontrol_pci)");
	sysfs_names_free(names, nr);
	if (!nr)
		return fail(STATUS_NO_DEVICE,
			    "there is no device: the VMM gives this guest none, or pvmemcontrol_pci is not loaded");
	return fail(STATUS_NO_DEVICE, "there is no %s", path);
}

static enum status cannot_open(const char *path, int err)
{
	switch (err) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return no_device(path);
	case EPERM:
		return fail(STATUS_DENIED,
			    "%s: opening it takes CAP_SYS_ADMIN, and a kernel that is not locked down",
			    path);
	case EACCES:
		return fail(STATUS_DENIED, "%s: %s; it is root's", path,
			    strerror(err));
	}
	return fail(STATUS_FAILED, "%s: %s", path, strerror(err));
}

/* The VMM did not answer, or was not asked. */
static enum status ioctl_failed(const char *what, int err)
{
	switch (err) {
	case ENODEV:
		return fail(STATUS_NO_DEVICE, "%s: the device has gone", what);
	case EIO:
		return fail(STATUS_FAILED, "%s: the VMM did not answer", what);
	case EINVAL:
		return fail(STATUS_FAILED,
			    "%s: the driver refuses the range: not aligned to the host's pages, or beyond what the CPU can address",
			    what);
	case ENOTTY:
		return fail(STATUS_FAILED,
			    "%s: that is no pvmemcontrol device", what);
	}
	return fail(status_of_errno(err), "%s: %s", what, strerror(err));
}

static enum status answer_failed(const char *what, uint64_t func,
				 const struct pvmemcontrol_vmm_ret *ret)
{
	if (ret->ret_errno == ENOSPC)
		return fail(STATUS_FAILED,
			    "%s: that is beyond the VMM's limit for this guest",
			    what);
	if (!ret->ret_code)
		return fail(STATUS_FAILED, "%s: the host says: %s", what,
			    strerror(ret->ret_errno));
	if (ret->ret_code != (uint32_t)func)
		return fail(STATUS_FAILED,
			    "%s: the VMM's answer makes no sense (errno %u, code %#x)",
			    what, ret->ret_errno, ret->ret_code);
	switch (ret->ret_errno) {
	case EOPNOTSUPP:
		return fail(STATUS_UNSUPPORTED, "%s: the VMM cannot do that",
			    what);
	case EINVAL:
		return fail(STATUS_FAILED,
			    "%s: the VMM refuses the range: it is not RAM, or not all in one region of RAM",
			    what);
	}
	return fail(STATUS_FAILED, "%s: the VMM refuses: %s", what,
		    strerror(ret->ret_errno));
}

static enum status ask_info(struct device *device)
{
	struct pvmemcontrol_buf buf = { .call.func_code = PVMEMCONTROL_INFO };

	if (ioctl(device->fd, PVMEMCONTROL_IOCTL_VMM, &buf))
		return ioctl_failed(device->path, errno);
	if (buf.ret.ret_errno || buf.ret.ret_code)
		return answer_failed(device->path, PVMEMCONTROL_INFO, &buf.ret);
	device->host_page_size = buf.ret.ret_value;
	device->major = buf.ret.arg0;
	device->minor = buf.ret.arg1;
	if (device->major != PVMEMCONTROL_VERSION_MAJOR)
		return fail(STATUS_UNSUPPORTED,
			    "%s: the VMM speaks version %u.%u, this program 1.x",
			    device->path, device->major, device->minor);
	if (device->host_page_size < 4096 ||
	    (device->host_page_size & (device->host_page_size - 1)))
		return fail(STATUS_FAILED, "%s: a host page size of %" PRIu64,
			    device->path, device->host_page_size);
	return STATUS_OK;
}

static void first_device(char *path, size_t size)
{
	char **names;
	size_t nr;

	snprintf(path, size, "/dev/pvmemcontrol0");
	if (sysfs_names("class/pvmemcontrol", &names, &nr))
		return;
	if (nr)
		snprintf(path, size, "/dev/%s", names[0]);
	sysfs_names_free(names, nr);
}

void device_find(struct device *device, const char *name)
{
	*device = (struct device) { .fd = -1 };
	if (!name)
		first_device(device->path, sizeof(device->path));
	else
		snprintf(device->path, sizeof(device->path), "%s%s",
			 isdigit((unsigned char)*name) ? "/dev/pvmemcontrol" :
			 strchr(name, '/') ? "" : "/dev/", name);
}

int device_number(const struct device *device, const char *file,
		  uint64_t *value)
{
	const char *slash = strrchr(device->path, '/');
	char path[128];

	snprintf(path, sizeof(path), "class/pvmemcontrol/%s/%.32s",
		 slash ? slash + 1 : device->path, file);
	return sysfs_number(path, value);
}

enum status device_open(struct device *device, const char *name)
{
	enum status status;

	device_find(device, name);
	device->fd = open(device->path, O_RDWR | O_CLOEXEC);
	if (device->fd < 0)
		return cannot_open(device->path, errno);
	status = ask_info(device);
	if (status)
		device_close(device);
	return status;
}

void device_close(struct device *device)
{
	if (device->fd >= 0)
		close(device->fd);
	device->fd = -1;
}

enum status device_call(const struct device *device, const char *what,
			uint64_t func, uint64_t start, uint64_t length,
			uint64_t arg)
{
	struct pvmemcontrol_buf buf = {
		.call = {
			.func_code = func,
			.addr = start,
			.length = length,
			.arg = arg,
		},
	};
	char where[128];

	snprintf(where, sizeof(where), "%s of %#" PRIx64 " to %#" PRIx64, what,
		 start, start + (length - 1));
	if (ioctl(device->fd, PVMEMCONTROL_IOCTL_VMM, &buf))
		return ioctl_failed(where, errno);
	if (buf.ret.ret_errno || buf.ret.ret_code)
		return answer_failed(where, func, &buf.ret);
	return STATUS_OK;
}
